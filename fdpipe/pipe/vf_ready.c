#include "pipe/vf_ready.h"
#include "lib/limits.h"

#include <string.h>

void vf_ready_init(struct vf_ready *r, int64_t settle_ns)
{
	memset(r, 0, sizeof(*r));
	r->settle = settle_ns;
	r->reason = VF_AWAY;
}

static bool has_verbs_device(const struct vf_ready_facts *f)
{
	return f->verbs < MAX_VERBS && (f->container_verbs >> f->verbs & 1);
}

static enum verbs_state verbs_state_of(const struct vf_ready *r, const struct vf_ready_facts *f)
{
	if (!f->needs_verbs)
		return VERBS_NOT_NEEDED;
	if (f->verbs < 0)
		return f->now - r->seen_at < VF_VERBS_WAIT_NS ? VERBS_UNKNOWN : VERBS_MISSING;
	if (!f->verbs_known)
		return VERBS_UNKNOWN;
	return has_verbs_device(f) ? VERBS_OK : VERBS_MISMATCH;
}

static enum vf_ready_reason reason_of(struct vf_ready *r, const struct vf_ready_facts *f)
{
	if (f->conflict)
		return VF_CONFLICT;
	if (!f->there)
		return VF_AWAY;
	if (!f->joined)
		return VF_NOT_JOINED;
	if (!f->bound)
		return VF_DRIVER_UNBOUND;
	if (r->verbs == VERBS_MISMATCH)
		return VF_VERBS_MISMATCH;
	if (f->needs_verbs && f->verbs < 0 && r->verbs != VERBS_MISSING)
		return VF_VERBS_WAIT;
	return VF_READY;
}

static void track(struct vf_ready *r, const struct vf_ready_facts *f)
{
	if (!f->there || f->instance != r->instance) {
		r->seen_at = f->there ? f->now : 0;
		r->steady_at = 0;
		r->usable = false;
		r->recheck_at = r->recheck_pause = 0;
	}
	if (f->shape != r->shape)
		r->steady_at = 0; /* a new name while it settles: wait again */
	r->instance = f->instance;
	r->shape = f->shape;
}

/* For a missing driver or verbs device: check again soon, then less often, then not at all. */
static int64_t recheck(struct vf_ready *r, const struct vf_ready_facts *f)
{
	if (f->now - r->seen_at > VF_RECHECK_END_NS)
		return 0;
	if (f->now >= r->recheck_at) {
		r->recheck_pause = r->recheck_pause ? r->recheck_pause * 2 : VF_RECHECK_MIN_NS;
		if (r->recheck_pause > VF_RECHECK_MAX_NS)
			r->recheck_pause = VF_RECHECK_MAX_NS;
		r->recheck_at = f->now + r->recheck_pause;
	}
	if (r->reason == VF_VERBS_WAIT && r->seen_at + VF_VERBS_WAIT_NS < r->recheck_at)
		return r->seen_at + VF_VERBS_WAIT_NS;
	return r->recheck_at;
}

bool vf_ready_incomplete(const struct vf_ready *r)
{
	return r->reason == VF_DRIVER_UNBOUND || r->reason == VF_VERBS_WAIT;
}

bool vf_ready_step(struct vf_ready *r, const struct vf_ready_facts *f, int64_t *deadline)
{
	*deadline = 0;
	track(r, f);
	r->verbs = (uint8_t)verbs_state_of(r, f);
	r->reason = (uint8_t)reason_of(r, f);
	if (r->reason != VF_READY) {
		r->usable = false;
		r->steady_at = 0;
		if (vf_ready_incomplete(r))
			*deadline = recheck(r, f);
		return false;
	}
	if (!r->steady_at)
		r->steady_at = f->now;
	if (!r->usable && f->now < r->steady_at + r->settle) {
		r->reason = VF_SETTLING;
		*deadline = r->steady_at + r->settle;
		return false;
	}
	r->usable = true;
	return true;
}

const char *vf_ready_reason_name(enum vf_ready_reason why)
{
	static const char *const names[] = {
		"Ready",
		"Away",
		"Conflict",
		"NotJoined",
		"DriverUnbound",
		"VerbsWait",
		"VerbsMismatch",
		"Settling",
	};

	return names[why];
}

const char *verbs_state_name(enum verbs_state state)
{
	static const char *const names[] = {
		"NotNeeded",
		"OK",
		"VerbsMissing",
		"VerbsUnknown",
		"VerbsMismatch",
	};

	return names[state];
}
