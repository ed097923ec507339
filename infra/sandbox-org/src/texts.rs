//! What the firm writes into its cases.

use crate::random::Dice;

/// What a new case is about.
pub(crate) struct Matter {
    pub(crate) title: String,
    pub(crate) practice_area: &'static str,
    pub(crate) court: &'static str,
    pub(crate) docket_number: String,
}

const AREAS: &[&str] = &[
    "Family Law",
    "Contract",
    "Employment",
    "Real Estate",
    "Personal Injury",
    "Immigration",
    "Estate Planning",
    "Criminal Defense",
];

const COURTS: &[&str] = &[
    "Superior Court of California, County of Alameda",
    "Supreme Court of the State of New York, Kings County",
    "Circuit Court of Cook County",
    "Harris County District Court",
    "U.S. District Court, Northern District of California",
    "U.S. District Court, Southern District of New York",
    "King County Superior Court",
    "Maricopa County Superior Court",
];

const OPPONENTS: &[&str] = &[
    "Roe",
    "Hartwell",
    "Delgado",
    "Brandt",
    "Oyelaran",
    "Castellano",
    "Novak",
    "Pemberton",
    "Meridian Logistics LLC",
    "Harbor Point Holdings",
    "Northfield Insurance Co.",
    "Cedar Grove Apartments",
    "Atlas Freight Inc.",
    "Bluewater Construction",
];

const NOTES: &[&str] = &[
    "Client called to confirm the hearing date; calendar updated.",
    "Received opposing counsel's responses to the first set of interrogatories.",
    "Drafted motion to compel; to be filed after partner review.",
    "Deposition of the plaintiff scheduled; court reporter booked.",
    "Settlement conference held; parties remain apart on damages.",
    "Client signed the engagement letter and paid the retainer.",
    "Filed amended complaint adding a claim for breach of fiduciary duty.",
    "Medical records requested from the treating physician.",
    "Court granted a continuance of thirty days.",
    "Mediator proposed terms; client to answer by Friday.",
];

/// Makes up a case for a client.
pub(crate) fn matter(client: &str, dice: &mut Dice) -> Matter {
    let practice_area = dice.pick(AREAS);
    let title = match practice_area {
        "Estate Planning" => format!("Estate of {client}"),
        "Immigration" => format!("In re {client}"),
        "Criminal Defense" => format!("People v. {client}"),
        _ => format!("{client} v. {}", dice.pick(OPPONENTS)),
    };
    let kind = match practice_area {
        "Family Law" => "FL",
        "Criminal Defense" => "CR",
        "Estate Planning" => "PR",
        _ => "CV",
    };
    let docket_number = format!("26-{kind}-{:05}", dice.below(100_000));
    Matter { title, practice_area, court: dice.pick(COURTS), docket_number }
}

/// Makes up a line of a case's description.
pub(crate) fn note(dice: &mut Dice) -> &'static str {
    dice.pick(NOTES)
}

/// Changes a title the way clerks do; a second change takes the first one back.
pub(crate) fn amended(title: &str, dice: &mut Dice) -> String {
    const ENDINGS: &[&str] = &[" (consolidated)", " (on remand)", ", et al."];
    for ending in ENDINGS {
        if let Some(plain) = title.strip_suffix(ending) {
            return plain.to_owned();
        }
    }
    let kept: String = title.chars().take(230).collect();
    format!("{kept}{}", dice.pick(ENDINGS))
}
