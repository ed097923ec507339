//! A working firm: now and then a case is opened, moves on, is edited or closed.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Map, Value as Json, json};
use tokio::sync::Notify;

use crate::ids::RecordId;
use crate::org::{Author, Change, Org, Value};
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
            let author = Author { user, client: None, version: String::new() };
            state.commit(&author, vec![change], false);
            state.activity.n_made.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Picks one of the firm's lawyers, who follow the admin among the users.
fn lawyer(dice: &mut Dice) -> Option<RecordId> {
    Some(RecordId::new(*b"005", 2 + dice.below(6)))
}

/// Picks a case by its number, in the recycle bin or not.
fn any_case(org: &Org, dice: &mut Dice) -> Option<RecordId> {
    let table = org.table("Case")?;
    let newest = table.rows().next_back()?.id.number();
    // Recent cases are worked on more often.
    let back = dice.below(newest).min(dice.below(newest));
    let id = RecordId::new(*b"500", newest - back);
    table.row(id).map(|row| row.id)
}

fn fields(pairs: &[(&str, Json)]) -> Map<String, Json> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

/// Decides what happens next.
fn change(org: &Org, dice: &mut Dice) -> Option<Change> {
    let roll = dice.below(100);
    if roll < 18 || org.table("Case")?.rows().next().is_none() {
        return open(org, dice);
    }
    let id = any_case(org, dice)?;
    let (object, row) = org.row(id)?;
    if row.is_deleted() {
        return (roll < 60).then(|| Change::Undelete { id: id.to_string() });
    }
    let status = row.get(object.place("Status")?).as_text().unwrap_or("New");
    let update = |pairs: &[(&str, Json)]| {
        Some(Change::Update {
            object: Some("Case".to_owned()),
            id: id.to_string(),
            fields: fields(pairs),
        })
    };
    match roll {
        18..=67 => update(&[("Status", json!(next_status(status, dice)))]),
        68..=77 => update(&[("Priority", json!(dice.pick(&["High", "Medium", "Low"])))]),
        78..=85 => update(&[("Description", json!(texts::note(dice)))]),
        86..=91 => {
            let subject = row.get(object.place("Subject")?).as_text().unwrap_or_default();
            update(&[("Subject", json!(texts::amended(subject, dice)))])
        }
        92..=96 => phone(org, dice),
        97 => Some(Change::Delete { id: id.to_string() }),
        _ => update(&[("OwnerId", json!(lawyer(dice)?.to_string()))]),
    }
}

/// Returns where a case goes from a status.
fn next_status(status: &str, dice: &mut Dice) -> &'static str {
    let ways: &[&'static str] = match status {
        "New" => &["Intake", "Intake", "Closed"],
        "Intake" => &["Active", "Active", "Active", "On Hold"],
        "Active" => &["Discovery", "Discovery", "Mediation", "On Hold"],
        "Discovery" => &["Mediation", "Trial", "Active"],
        "Mediation" => &["Settled", "Settled", "Trial"],
        "Trial" => &["Closed", "Settled"],
        "On Hold" => &["Active"],
        "Settled" => &["Closed", "Closed", "Closed", "Active"],
        _ => &["Active"],
    };
    dice.pick(ways)
}

/// Opens a case for a contact.
fn open(org: &Org, dice: &mut Dice) -> Option<Change> {
    let contacts = org.table("Contact")?;
    let newest = contacts.rows().next_back().map(|row| row.id.number());
    let contact = newest
        .and_then(|newest| contacts.row(RecordId::new(*b"003", 1 + dice.below(newest))))
        .filter(|row| !row.is_deleted());
    let client = contact
        .and_then(|row| row.get(contacts.object.place("LastName")?).as_text())
        .unwrap_or("Doe");
    let matter = texts::matter(client, dice);
    let mut pairs = vec![
        ("Subject", json!(matter.title)),
        ("Practice_Area__c", json!(matter.practice_area)),
        ("Court__c", json!(matter.court)),
        ("Docket_Number__c", json!(matter.docket_number)),
        ("Priority", json!(dice.pick(&["High", "Medium", "Medium", "Low"]))),
        ("Origin", json!(dice.pick(&["Phone", "Email", "Web"]))),
        ("Reason", json!(dice.pick(&["New Matter", "New Matter", "Referral", "Existing Client"]))),
        ("Description", json!(texts::note(dice))),
        ("OwnerId", json!(lawyer(dice)?.to_string())),
    ];
    if let Some(row) = contact {
        pairs.push(("ContactId", json!(row.id.to_string())));
    }
    Some(Change::Create { object: "Case".to_owned(), fields: fields(&pairs) })
}

/// Gives a contact a new phone number.
fn phone(org: &Org, dice: &mut Dice) -> Option<Change> {
    let table = org.table("Contact")?;
    let newest = table.rows().next_back()?.id.number();
    let row = table.row(RecordId::new(*b"003", 1 + dice.below(newest)))?;
    if *row.get(crate::schema::position::IS_DELETED) == Value::Bool(true) {
        return None;
    }
    let number = format!("(555) {:03}-{:04}", 100 + dice.below(900), dice.below(10_000));
    Some(Change::Update {
        object: Some("Contact".to_owned()),
        id: row.id.to_string(),
        fields: fields(&[("MobilePhone", json!(number))]),
    })
}
