//! Accounts and contacts.

use super::pools::{Pools, Words, draw};
use super::{Counts, Sheet, created};
use crate::ids::RecordId;
use crate::org::{Org, Text, Value};
use crate::random::Dice;
use crate::seed::{SeedError, lawyer};

/// What one account or contact is drawn from.
struct Party<'a> {
    n: u64,
    n_accounts: u64,
    pools: &'a Pools,
    words: &'a mut Words,
    dice: &'a mut Dice,
    first: Text,
    last: Text,
    city: (Text, Text),
}

impl<'a> Party<'a> {
    fn new(
        n: u64,
        n_accounts: u64,
        pools: &'a Pools,
        words: &'a mut Words,
        dice: &'a mut Dice,
    ) -> Self {
        let text = |value: Value| if let Value::Text(text) = value { text } else { Text::new() };
        let first = text(draw(&pools.first_names, dice));
        let last = text(draw(&pools.last_names, dice));
        let at = dice.below(u64::try_from(pools.cities.len()).unwrap_or(0));
        let city = usize::try_from(at).ok().and_then(|idx| pools.cities.get(idx)).cloned();
        Self { n, n_accounts, pools, words, dice, first, last, city: city.unwrap_or_default() }
    }

    fn word(&mut self, words: &[&'static str]) -> Value {
        self.words.draw(words, self.dice)
    }
}

fn phone(it: &mut Party<'_>) -> Value {
    draw(&it.pools.phones, it.dice)
}

type Column = (&'static str, fn(&mut Party<'_>) -> Value);

fn account_columns() -> Vec<Column> {
    vec![
        ("Name", |it| match draw(&it.pools.companies, it.dice) {
            Value::Text(name) => Value::Text(format!("{name} {}", it.n).into()),
            other => other,
        }),
        ("Type", |it| it.word(&["Prospect", "Customer - Direct", "Other"])),
        ("Industry", |it| it.word(&["Construction", "Healthcare", "Insurance", "Retail", "Other"])),
        ("BillingStreet", |it| draw(&it.pools.streets, it.dice)),
        ("BillingCity", |it| Value::Text(it.city.0.clone())),
        ("BillingState", |it| Value::Text(it.city.1.clone())),
        ("BillingPostalCode", |it| Value::Text(format!("{:05}", 10_000 + it.n % 80_000).into())),
        ("BillingCountry", |it| it.word(&["US"])),
        ("Phone", phone),
        ("AnnualRevenue", |it| number(it.dice.below(200) * 250_000)),
        ("NumberOfEmployees", |it| number(1 + it.dice.below(5_000))),
        ("OwnerId", |it| Value::Id(lawyer(it.dice.below(6)))),
    ]
}

fn contact_columns() -> Vec<Column> {
    vec![
        ("AccountId", |it| match (it.n - 1).checked_rem(it.n_accounts) {
            Some(idx) => Value::Id(RecordId::new(*b"001", idx + 1)),
            None => Value::Null,
        }),
        ("Salutation", |it| it.word(&["Mr.", "Ms.", "Mrs.", "Dr.", "Prof."])),
        ("FirstName", |it| Value::Text(it.first.clone())),
        ("LastName", |it| Value::Text(it.last.clone())),
        ("Name", |it| Value::Text(format!("{} {}", it.first, it.last).into())),
        ("Email", |it| Value::Text(format!("contact{}@clients.example.com", it.n).into())),
        ("Phone", phone),
        ("MobilePhone", phone),
        ("Title", |it| it.word(&["Owner", "General Counsel", "Office Manager", "Claims Adjuster"])),
        ("MailingStreet", |it| draw(&it.pools.streets, it.dice)),
        ("MailingCity", |it| Value::Text(it.city.0.clone())),
        ("MailingState", |it| Value::Text(it.city.1.clone())),
        ("MailingCountry", |it| it.word(&["US"])),
        ("Birthdate", |it| Value::Date(i32::try_from(it.dice.below(14_000)).unwrap_or(0))),
        ("OwnerId", |it| Value::Id(lawyer(it.dice.below(6)))),
    ]
}

#[expect(clippy::cast_precision_loss, reason = "amounts far below 2^52")]
fn number(n: u64) -> Value {
    Value::Number(n as f64)
}

pub(super) fn accounts(
    org: &mut Org,
    counts: &Counts,
    pools: &Pools,
    dice: &mut Dice,
    anchor: i64,
) -> Result<(), SeedError> {
    let sheet = Sheet::new(org, "Account", &account_columns())?;
    let mut words = Words::default();
    for n in 1..=counts.accounts {
        let at = created(n, counts.accounts, anchor);
        let mut party = Party::new(n, 0, pools, &mut words, dice);
        let row = sheet.row(n, (at, at), lawyer(0), |column| column(&mut party));
        let _ = org.load("Account", row);
    }
    Ok(())
}

/// What cases repeat of their contacts: account, phone, mobile phone, e-mail address.
pub(super) type Person = [Value; 4];

pub(super) fn contacts(
    org: &mut Org,
    counts: &Counts,
    pools: &Pools,
    dice: &mut Dice,
    anchor: i64,
) -> Result<Vec<Person>, SeedError> {
    let sheet = Sheet::new(org, "Contact", &contact_columns())?;
    let mut words = Words::default();
    let places = ["AccountId", "Phone", "MobilePhone", "Email"]
        .map(|name| sheet.object.place(name).unwrap_or(usize::MAX));
    let mut people = Vec::new();
    for n in 1..=counts.contacts {
        let at = created(n, counts.contacts, anchor);
        let mut party = Party::new(n, counts.accounts, pools, &mut words, dice);
        let row = sheet.row(n, (at, at), lawyer(0), |column| column(&mut party));
        people.push(places.map(|place| row.get(place).clone()));
        let _ = org.load("Contact", row);
    }
    Ok(people)
}
