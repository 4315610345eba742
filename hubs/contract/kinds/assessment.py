"""Self-assessment returns: a row an answer. The subject is an organisation, known only by a random key."""

from __future__ import annotations

from hubs.contract.kinds.base import Column, TableKind

KEY_PATTERN = r"[A-Za-z0-9_-]{8,64}"
PERIOD_PATTERN = r"20[0-9]{2}(?:-Q[1-4])?"
LEVELS = ("0", "1", "2", "3", "4", "5", "na")
"""0 (not started) to 5; ``na`` where the question does not apply."""

KIND = TableKind(
    name="assessment",
    label_en="Self-assessment answer",
    label_cy="Ateb hunanasesu",
    plural_en="Self-assessment answers",
    plural_cy="Atebion hunanasesu",
    columns=(
        Column(
            "organisation",
            "Random key of the organisation, new in each period.",
            "Allwedd ar hap y sefydliad, yn newydd ym mhob cyfnod.",
            "invalid_key",
            pattern=KEY_PATTERN,
        ),
        Column(
            "respondent",
            "Random key of the respondent, new in each period.",
            "Allwedd ar hap yr ymatebydd, yn newydd ym mhob cyfnod.",
            "invalid_key",
            pattern=KEY_PATTERN,
        ),
        Column("audience", "Who answered.", "Pwy a atebodd.", "unknown_audience", vocabulary="audiences"),
        Column(
            "organisation_type",
            "Type of the organisation.",
            "Math y sefydliad.",
            "unknown_organisation_type",
            vocabulary="organisation_types",
        ),
        Column(
            "size_band",
            "Staff of the organisation.",
            "Staff y sefydliad.",
            "unknown_size_band",
            vocabulary="size_bands",
        ),
        Column("region", "Region or nation.", "Rhanbarth neu genedl.", "unknown_region", vocabulary="regions"),
        Column(
            "sector",
            "Sector of the organisation; the hub's own when absent.",
            "Sector y sefydliad; un yr hwb ei hun os yw'n absennol.",
            "unknown_sector",
            vocabulary="sectors",
            required=False,
        ),
        Column(
            "period",
            "Year or quarter of the return.",
            "Blwyddyn neu chwarter.",
            "invalid_period",
            pattern=PERIOD_PATTERN,
        ),
        Column(
            "instrument",
            "Id and version of the self-assessment, as interop-baseline-v1.",
            "Dynodydd a fersiwn yr hunanasesiad, fel interop-baseline-v1.",
            "unknown_instrument",
            pattern=r"[a-z0-9-]+-v[0-9]+",
        ),
        Column("question", "Id of the question.", "Dynodydd y cwestiwn.", "unknown_question", pattern=r"[a-z0-9._-]+"),
        Column("level", "Level 0 to 5, or na.", "Lefel 0 i 5, neu na.", "level_out_of_range", values=LEVELS),
    ),
    key=("organisation", "respondent", "audience", "period", "instrument", "question"),
)
