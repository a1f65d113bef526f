"""How good a made or filled table is: ML efficiency, statistical similarity, privacy.

    judgement = judge(table, real, other, holdout, target, ("ml", "similarity", "privacy"))

Needs the extra `mirctl[impute]`.
"""

from mirctl_impute.criteria.judging import (
    CRITERIA,
    NAMES,
    Judgement,
    judge,
    refusal,
    require_extra,
)

__all__ = ["CRITERIA", "NAMES", "Judgement", "judge", "refusal", "require_extra"]
