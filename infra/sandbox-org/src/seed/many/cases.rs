//! Wide cases.

use super::parties::Person;
use super::pools::{Pools, Words, draw};
use super::{Counts, Sheet, created};
use crate::ids::RecordId;
use crate::org::{Org, Value};
use crate::random::Dice;
use crate::seed::{SeedError, lawyer};

const DAY: i64 = 86_400;

/// What one case is drawn from.
struct Case<'a> {
    n: u64,
    contact: Option<(RecordId, &'a Person)>,
    created: i64,
    changed: i64,
    is_closed: bool,
    pools: &'a Pools,
    words: &'a mut Words,
    dice: &'a mut Dice,
}

impl Case<'_> {
    fn word(&mut self, words: &[&'static str]) -> Value {
        self.words.draw(words, self.dice)
    }

    fn of_contact(&self, which: usize) -> Value {
        self.contact.and_then(|(_, person)| person.get(which)).cloned().unwrap_or_default()
    }

    /// Draws a day within so many days after the case was made.
    fn day(&mut self, within: u64) -> Value {
        let days = i64::try_from(self.dice.below(within)).unwrap_or(0);
        Value::Date(i32::try_from(self.created.div_euclid(DAY) + days).unwrap_or(0))
    }

    /// Draws an amount below `end`, in steps of a `part`-th.
    #[expect(clippy::cast_precision_loss, reason = "amounts far below 2^52")]
    fn amount(&mut self, end: u64, part: u64) -> Value {
        Value::Number(self.dice.below(end * part) as f64 / part as f64)
    }

    fn yes(&mut self, one_of: u64) -> Value {
        Value::Bool(self.dice.below(one_of) == 0)
    }
}

type Column = (&'static str, fn(&mut Case<'_>) -> Value);

fn standard_columns() -> Vec<Column> {
    vec![
        ("CaseNumber", |it| Value::Text(format!("{:08}", 1_000 + it.n).into())),
        ("ContactId", |it| it.contact.map_or(Value::Null, |(id, _)| Value::Id(id))),
        ("AccountId", |it| it.of_contact(0)),
        ("ContactPhone", |it| it.of_contact(1)),
        ("ContactMobile", |it| it.of_contact(2)),
        ("ContactEmail", |it| it.of_contact(3)),
        ("SuppliedName", |it| draw(&it.pools.names, it.dice)),
        ("SuppliedEmail", |it| draw(&it.pools.emails, it.dice)),
        ("SuppliedPhone", |it| draw(&it.pools.phones, it.dice)),
        ("SuppliedCompany", |it| draw(&it.pools.companies, it.dice)),
        ("Status", |it| {
            let words: &[&str] = if it.is_closed {
                &["Settled", "Closed", "Closed"]
            } else {
                &["New", "Intake", "Active", "Discovery", "Mediation", "Trial"]
            };
            it.word(words)
        }),
        ("IsClosed", |it| Value::Bool(it.is_closed)),
        ("ClosedDate", |it| if it.is_closed { Value::Instant(it.changed) } else { Value::Null }),
        ("Reason", |it| it.word(&["New Matter", "Referral", "Existing Client", "Appeal", "Other"])),
        ("Origin", |it| it.word(&["Phone", "Email", "Web"])),
        ("Priority", |it| it.word(&["High", "Medium", "Medium", "Low"])),
        ("Subject", |it| draw(&it.pools.subjects, it.dice)),
        ("Description", |it| draw(&it.pools.descriptions, it.dice)),
        ("IsEscalated", |it| it.yes(20)),
        ("OwnerId", |it| Value::Id(lawyer(it.dice.below(6)))),
    ]
}

fn custom_columns() -> Vec<Column> {
    vec![
        ("Docket_Number__c", |it| {
            let n = 100 + it.dice.below(900_000);
            Value::Text(format!("26-CV-{n:06}").into())
        }),
        ("Court__c", |it| draw(&it.pools.courts, it.dice)),
        ("Practice_Area__c", |it| {
            it.word(&["Family Law", "Contract", "Employment", "Real Estate", "Estate Planning"])
        }),
        ("Jurisdiction__c", |it| it.word(&["Federal", "State", "County", "Arbitration"])),
        ("Practice_Tags__c", |it| draw(&it.pools.tags, it.dice)),
        ("Matter_Code__c", |it| Value::Text(format!("M{:04}-{}", it.n % 10_000, it.n).into())),
        ("Client_Reference__c", |it| draw(&it.pools.references, it.dice)),
        ("Presiding_Judge__c", |it| draw(&it.pools.judges, it.dice)),
        ("Opposing_Party__c", |it| draw(&it.pools.companies, it.dice)),
        ("Opposing_Counsel__c", |it| draw(&it.pools.counsels, it.dice)),
        ("Next_Step__c", |it| draw(&it.pools.steps, it.dice)),
        ("Summary__c", |it| draw(&it.pools.summaries, it.dice)),
        ("Filed_On__c", |it| it.day(30)),
        ("Trial_Date__c", |it| it.day(700)),
        ("Limitation_Date__c", |it| it.day(2_000)),
        ("Next_Hearing__c", |it| {
            let hours = i64::try_from(it.dice.below(5_000)).unwrap_or(0);
            Value::Instant(it.created.div_euclid(1_800) * 1_800 + hours * 3_600)
        }),
        ("Claim_Amount__c", |it| it.amount(90_000_000, 2)),
        ("Retainer_Amount__c", |it| it.amount(20_000, 100)),
        ("Hours_Billed__c", |it| it.amount(900, 4)),
        ("Success_Chance__c", |it| it.amount(100, 10)),
        ("Is_Pro_Bono__c", |it| it.yes(15)),
        ("Is_Sealed__c", |it| it.yes(50)),
        ("Referral_Source__c", |it| it.word(&["Website", "Existing Client", "Other Counsel"])),
        ("Language__c", |it| it.word(&["English", "English", "Spanish", "Chinese", "Russian"])),
        ("Court_Website__c", |it| draw(&it.pools.sites, it.dice)),
        ("Court_Phone__c", |it| draw(&it.pools.phones, it.dice)),
        ("Billing_Email__c", |it| draw(&it.pools.emails, it.dice)),
    ]
}

pub(super) fn load(
    org: &mut Org,
    counts: &Counts,
    people: &[Person],
    pools: &Pools,
    dice: &mut Dice,
    anchor: i64,
) -> Result<(), SeedError> {
    let columns: Vec<Column> = standard_columns().into_iter().chain(custom_columns()).collect();
    let sheet = Sheet::new(org, "Case", &columns)?;
    let mut words = Words::default();
    for n in 1..=counts.cases {
        let contact = dice.below(counts.contacts);
        let person = usize::try_from(contact).ok().and_then(|idx| people.get(idx));
        let created = created(n, counts.cases, anchor);
        let age = u64::try_from(anchor - created).unwrap_or(0);
        let changed = if n.is_multiple_of(40) {
            // As after a change of all these at once: many rows with one and the same stamp.
            (anchor - 200).max(created)
        } else {
            created + i64::try_from(dice.below(age)).unwrap_or(0)
        };
        let (is_closed, user) = (dice.below(100) < 60, lawyer(dice.below(6)));
        let contact = person.map(|person| (RecordId::new(*b"003", contact + 1), person));
        let (words, dice) = (&mut words, &mut *dice);
        let mut case = Case { n, contact, created, changed, is_closed, pools, words, dice };
        let row = sheet.row(n, (created, changed), user, |column| column(&mut case));
        let _ = org.load("Case", row);
    }
    Ok(())
}
