#include "cni/json_scan.h"

#include <string.h>

struct cursor {
	const char *p, *end;
};

static bool value(struct cursor *c, int depth);

static bool at(const struct cursor *c, char wanted)
{
	return c->p < c->end && *c->p == wanted;
}

static bool take(struct cursor *c, char wanted)
{
	if (!at(c, wanted))
		return false;
	c->p++;
	return true;
}

static bool take_any(struct cursor *c, const char *wanted)
{
	if (c->p == c->end || !*c->p || !strchr(wanted, *c->p))
		return false;
	c->p++;
	return true;
}

static void space(struct cursor *c)
{
	while (take_any(c, " \t\r\n"))
		;
}

static bool escape(struct cursor *c)
{
	if (take(c, 'u')) {
		for (int i = 0; i < 4; i++)
			if (!take_any(c, "0123456789abcdefABCDEF"))
				return false;
		return true;
	}
	return take_any(c, "\"\\/bfnrt");
}

static bool string(struct cursor *c)
{
	if (!take(c, '"'))
		return false;
	while (c->p < c->end) {
		unsigned char ch = (unsigned char)*c->p++;

		if (ch == '"')
			return true;
		if (ch < 0x20 || (ch == '\\' && !escape(c)))
			return false;
	}
	return false;
}

static bool digits(struct cursor *c)
{
	const char *from = c->p;

	while (take_any(c, "0123456789"))
		;
	return c->p > from;
}

static bool number(struct cursor *c)
{
	take(c, '-');
	if (!take(c, '0') && !digits(c))
		return false;
	if (take(c, '.') && !digits(c))
		return false;
	if (!take_any(c, "eE"))
		return true;
	take_any(c, "+-");
	return digits(c);
}

static bool word(struct cursor *c, const char *text)
{
	size_t n = strlen(text);

	if ((size_t)(c->end - c->p) < n || memcmp(c->p, text, n) != 0)
		return false;
	c->p += n;
	return true;
}

/* One member with what follows it; the caller sees its key and value. */
static bool member(struct cursor *c, int depth, struct span *key, struct span *found)
{
	const char *from;

	space(c);
	from = c->p;
	if (!string(c))
		return false;
	*key = (struct span){from + 1, (size_t)(c->p - from) - 2};
	space(c);
	if (!take(c, ':'))
		return false;
	space(c);
	from = c->p;
	if (!value(c, depth))
		return false;
	*found = (struct span){from, (size_t)(c->p - from)};
	space(c);
	return true;
}

static bool object(struct cursor *c, int depth)
{
	struct span key, found;

	space(c);
	if (take(c, '}'))
		return true;
	do {
		if (!member(c, depth, &key, &found))
			return false;
	} while (take(c, ','));
	return take(c, '}');
}

static bool array(struct cursor *c, int depth)
{
	space(c);
	if (take(c, ']'))
		return true;
	do {
		space(c);
		if (!value(c, depth))
			return false;
		space(c);
	} while (take(c, ','));
	return take(c, ']');
}

static bool value(struct cursor *c, int depth)
{
	if (depth == JSON_DEPTH)
		return false;
	if (at(c, '"'))
		return string(c);
	if (take(c, '{'))
		return object(c, depth + 1);
	if (take(c, '['))
		return array(c, depth + 1);
	return word(c, "true") || word(c, "false") || word(c, "null") || number(c);
}

bool json_is_object(struct span text)
{
	struct cursor c = {text.p, text.p + text.n};

	space(&c);
	if (!at(&c, '{') || !value(&c, 0))
		return false;
	space(&c);
	return c.p == c.end;
}

bool json_member(struct span text, const char *wanted, struct span *found)
{
	struct cursor c = {text.p, text.p + text.n};
	struct span key, one;
	bool there = false;

	space(&c);
	if (!take(&c, '{'))
		return false;
	while (member(&c, 1, &key, &one)) {
		if (span_is(key, wanted)) {
			*found = one;
			there = true;
		}
		if (!take(&c, ','))
			break;
	}
	return there;
}

bool json_plain(struct span s, struct span *text)
{
	if (s.n < 2 || s.p[0] != '"' || memchr(s.p, '\\', s.n))
		return false;
	*text = (struct span){s.p + 1, s.n - 2};
	return true;
}

bool span_is(struct span s, const char *text)
{
	return s.n == strlen(text) && memcmp(s.p, text, s.n) == 0;
}
