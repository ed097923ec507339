//! A working firm: cases are written into and move on; now and then one is opened or closed.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Map, Value as Json, json};
use tokio::sync::Notify;

use crate::ids::RecordId;
use crate::org::{Author, Change, Org, Row};
use crate::random::Dice;
use crate::sandbox::State;
use crate::texts;

/// How many changes a second the firm makes.
#[derive(Debug)]
pub(crate) struct Pace {
    per_second: Mutex<f64>,
    changed: Notify,
    n_made: AtomicU64,
}

impl Pace {
    pub(crate) fn new(per_second: f64) -> Self {
        let per_second = Mutex::new(sane(per_second));
        Self { per_second, changed: Notify::new(), n_made: AtomicU64::new(0) }
    }

    /// Sets the pace.
    pub(crate) fn set(&self, per_second: f64) {
        *self.per_second.lock().unwrap_or_else(PoisonError::into_inner) = sane(per_second);
        self.changed.notify_one();
    }

    /// Returns the pace.
    pub(crate) fn get(&self) -> f64 {
        *self.per_second.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns how many changes the firm made.
    pub(crate) fn n_made(&self) -> u64 {
        self.n_made.load(Ordering::Relaxed)
    }
}

fn sane(per_second: f64) -> f64 {
    if per_second.is_finite() { per_second.clamp(0.0, 10_000.0) } else { 0.0 }
}

/// Plays the firm until the task is dropped.
pub(crate) async fn run(state: &State) {
    let mut dice = Dice::new(state.settings.random_seed);
    let mut due = tokio::time::Instant::now();
    loop {
        let pace = state.activity.get();
        if pace <= 0.0 {
            state.activity.changed.notified().await;
            due = tokio::time::Instant::now();
            continue;
        }
        // Deadlines add up, so that the pace holds whatever a change costs.
        due += Duration::from_secs_f64((1.0 / pace).min(3_600.0));
        due = due.max(tokio::time::Instant::now() - Duration::from_secs(1));
        tokio::select! {
            () = tokio::time::sleep_until(due) => {}
            () = state.activity.changed.notified() => {
                due = tokio::time::Instant::now();
                continue;
            }
        }
        // On its own line, so that the rows are free again before the commit.
        let next = change(&state.org(), &mut dice);
        if let Some(change) = next {
            let user = lawyer(&mut dice).unwrap_or(state.user_id);
            state.commit(&Author::inside(user), vec![change], false);
            state.activity.n_made.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Picks one of the firm's lawyers, who follow the admin among the users.
fn lawyer(dice: &mut Dice) -> Option<RecordId> {
    Some(RecordId::new(*b"005", 2 + dice.below(6)))
}

/// Picks a case that is as wanted; recent cases are looked at more often.
fn case<'a>(org: &'a Org, dice: &mut Dice, is_wanted: impl Fn(&str) -> bool) -> Option<&'a Row> {
    let table = org.table("Case")?;
    let status = table.object.place("Status")?;
    let newest = table.rows().next_back()?.id.number();
    for _ in 0..N_LOOKS {
        let back = dice.below(newest).min(dice.below(newest));
        let row = table.row(RecordId::new(*b"500", newest - back)).filter(|row| !row.is_deleted());
        let found = row.filter(|row| is_wanted(row.get(status).as_text().unwrap_or("New")));
        if found.is_some() {
            return found;
        }
    }
    None
}

/// How many cases are looked at for one that fits; a firm without one does something else.
const N_LOOKS: usize = 60;

fn is_open(status: &str) -> bool {
    !matches!(status, "Settled" | "Closed")
}

/// Picks an account or a contact.
fn party<'a>(org: &'a Org, dice: &mut Dice, object: &str) -> Option<&'a Row> {
    let table = org.table(object)?;
    let newest = table.rows().next_back()?.id;
    let id = RecordId::new(table.object.prefix, 1 + dice.below(newest.number()));
    table.row(id).filter(|row| !row.is_deleted())
}

fn update(object: &str, row: &Row, pairs: &[(&str, Json)]) -> Change {
    Change::Update {
        object: Some(object.to_owned()),
        id: row.id.to_string(),
        fields: fields(pairs),
    }
}

fn fields(pairs: &[(&str, Json)]) -> Map<String, Json> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

/// Decides what happens next.
///
/// As many cases end as begin, and far more is written into cases than either, so that the firm
/// keeps its shape however long it works.
fn change(org: &Org, dice: &mut Dice) -> Option<Change> {
    if org.table("Case")?.rows().next().is_none() {
        return open(org, dice);
    }
    match dice.below(1_000) {
        0..3 => open(org, dice),
        3..6 => close(org, dice),
        6..217 => advance(org, dice),
        217 => {
            let row = case(org, dice, |status| !is_open(status))?;
            Some(update("Case", row, &[("Status", json!("Active"))]))
        }
        218 => {
            let row = case(org, dice, |status| matches!(status, "New" | "Intake"))?;
            Some(Change::Delete { id: row.id.to_string() })
        }
        219..222 => {
            let row = org.table("Case")?.rows().rev().find(|row| row.is_deleted())?;
            Some(Change::Undelete { id: row.id.to_string() })
        }
        222..330 => reach(org, dice),
        _ => edit(org, dice),
    }
}

/// Ends a case that has come far enough.
fn close(org: &Org, dice: &mut Dice) -> Option<Change> {
    let row = case(org, dice, |status| matches!(status, "Mediation" | "Trial"))?;
    let ending = dice.pick(&["Settled", "Closed", "Closed"]);
    Some(update("Case", row, &[("Status", json!(ending))]))
}

/// Moves an open case on to another open status, and gives it its number when it is filed.
fn advance(org: &Org, dice: &mut Dice) -> Option<Change> {
    let row = case(org, dice, is_open)?;
    let object = &org.table("Case")?.object;
    let status = row.get(object.place("Status")?).as_text().unwrap_or("New");
    let ways: &[&'static str] = match status {
        "New" => &["Intake"],
        "Intake" => &["Active", "Active", "Active", "On Hold"],
        "Active" => &["Discovery", "Discovery", "Mediation", "On Hold"],
        "Discovery" => &["Mediation", "Trial", "Active"],
        "Mediation" => &["Trial", "Discovery", "Active"],
        "Trial" => &["Mediation", "Active"],
        _ => &["Active", "Active", "Discovery"],
    };
    let mut pairs = vec![("Status", json!(dice.pick(ways)))];
    let area = row.get(object.place("Practice_Area__c")?).as_text().unwrap_or_default();
    let subject = row.get(object.place("Subject")?).as_text().unwrap_or_default();
    // Sales and leases are nothing for a court.
    let is_filed = !subject.starts_with("Sale of") && !subject.starts_with("Lease of");
    if is_filed && status == "Intake" && row.get(object.place("Docket_Number__c")?).is_null() {
        let known = row.get(object.place("Court__c")?).as_text();
        let court = known.unwrap_or_else(|| texts::court(area, dice));
        pairs.push(("Docket_Number__c", json!(texts::docket_number(court, area, dice))));
        if known.is_none() {
            pairs.push(("Court__c", json!(court)));
        }
    }
    Some(update("Case", row, &pairs))
}

/// Writes into an open case.
fn edit(org: &Org, dice: &mut Dice) -> Option<Change> {
    let row = case(org, dice, is_open)?;
    let object = &org.table("Case")?.object;
    let pair = match dice.below(100) {
        0..15 => ("Priority", json!(dice.pick(&["High", "Medium", "Low"]))),
        15..20 => ("OwnerId", json!(lawyer(dice)?.to_string())),
        20..23 => {
            let subject = row.get(object.place("Subject")?).as_text().unwrap_or_default();
            ("Subject", json!(texts::amended(subject, dice)))
        }
        23..27 => ("Reason", json!(dice.pick(&["New Matter", "Referral", "Existing Client"]))),
        _ => ("Description", json!(texts::note(dice))),
    };
    Some(update("Case", row, &[pair]))
}

/// Opens a case for a contact.
fn open(org: &Org, dice: &mut Dice) -> Option<Change> {
    let contact = party(org, dice, "Contact");
    let contacts = &org.table("Contact")?.object;
    let client =
        contact.and_then(|row| row.get(contacts.place("LastName")?).as_text()).unwrap_or("Doe");
    let matter = texts::matter(client, dice);
    let mut pairs = vec![
        ("Subject", json!(matter.title)),
        ("Practice_Area__c", json!(matter.practice_area)),
        ("Priority", json!(dice.pick(&["High", "Medium", "Medium", "Low"]))),
        ("Origin", json!(dice.pick(&["Phone", "Email", "Web"]))),
        ("Reason", json!(dice.pick(&["New Matter", "New Matter", "Referral", "Existing Client"]))),
        ("Description", json!("Initial consultation requested; conflict check to be run.")),
        ("OwnerId", json!(lawyer(dice)?.to_string())),
    ];
    if let Some(row) = contact {
        pairs.push(("ContactId", json!(row.id.to_string())));
    }
    Some(Change::Create { object: "Case".to_owned(), fields: fields(&pairs) })
}

/// Changes how a client is reached.
fn reach(org: &Org, dice: &mut Dice) -> Option<Change> {
    let number = format!("({}) 555-{:04}", 201 + dice.below(788), 1_000 + dice.below(9_000));
    if dice.below(4) == 0 {
        let row = party(org, dice, "Account")?;
        return Some(update("Account", row, &[("Phone", json!(number))]));
    }
    let row = party(org, dice, "Contact")?;
    let object = &org.table("Contact")?.object;
    let last = row.get(object.place("LastName")?).as_text().unwrap_or("client").to_lowercase();
    let pair = match dice.below(4) {
        0 => (
            "Email",
            json!(format!("{}{}@example.com", last.replace([' ', '\''], ""), dice.below(999))),
        ),
        1 => ("Phone", json!(number)),
        _ => ("MobilePhone", json!(number)),
    };
    Some(update("Contact", row, &[pair]))
}
