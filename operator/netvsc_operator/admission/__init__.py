"""Admission: from an AdmissionReview to its answer, without a look at anything else.

`mutation.answer` is for the MutatingAdmissionWebhook, `validation.validate` for the
ValidatingAdmissionWebhook. `plan` decides, `patch` carries out; the other modules each know one
thing of it.
"""

from netvsc_operator.admission.mutation import answer
from netvsc_operator.admission.review import AdmissionResponse, Result
from netvsc_operator.admission.validation import validate

__all__ = ["AdmissionResponse", "Result", "answer", "validate"]
