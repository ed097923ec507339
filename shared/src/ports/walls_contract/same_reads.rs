//! For any data and any walls, every read equals that of a store that never had the hidden cases.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use super::{person, sample_wall};
use crate::auth::Sight;
use crate::ids::EntityId;
use crate::model::{Entity, FieldValue, Fields};
use crate::ports::audit_log::{AuditLog, AuditRow};
use crate::ports::case_store::{CaseStore, Write, WriteKind};
use crate::ports::case_store_contract::sample_write;
use crate::ports::case_view::{
    CaseFilter, CasePage, CaseSort, CaseSummary, CaseView, LagSummary, Overview,
};
use crate::ports::clock::Clock;
use crate::ports::walls::{Stance, Walls};
use crate::time::Timestamp;

/// How many random firms are tried.
const N_FIRMS: u64 = 12;

/// A clock that the suite sets.
#[derive(Debug, Default)]
pub struct TestClock(AtomicI64);

impl TestClock {
    fn set(&self, at: Timestamp) {
        self.0.store(at.as_millis(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// Random numbers that are the same in every run (`SplitMix64`).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits ^ (bits >> 31)) % sides
    }

    fn pick<'a>(&mut self, values: &[&'a str]) -> &'a str {
        let at = usize::try_from(self.roll(values.len() as u64)).unwrap();
        values[at]
    }
}

/// What happened at a firm: each write with its instant.
struct Firm {
    writes: Vec<(Timestamp, Write)>,
    cases: BTreeSet<EntityId>,
    walls: Vec<(EntityId, &'static str, Stance)>,
    now: Timestamp,
}

const PEOPLE: [&str; 3] = ["anna", "ben", "carl"];

impl Firm {
    fn of(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let mut now = Timestamp::parse("2026-11-22T23:58:30Z").unwrap();
        let mut revisions: BTreeMap<EntityId, u64> = BTreeMap::new();
        let mut writes = Vec::new();
        let mut cases = BTreeSet::new();
        for _ in 0..20 + dice.roll(40) {
            now = now.plus(Duration::from_millis(dice.roll(4000)));
            let number = u32::try_from(dice.roll(9)).unwrap();
            let entity = [Entity::Case, Entity::Case, Entity::Account, Entity::Contact]
                [usize::try_from(dice.roll(4)).unwrap()];
            let mut write = sample_write(entity, number, row(&mut dice, entity, number));
            let revision = revisions.entry(write.entity_id.clone()).or_default();
            write.shadow.revision = *revision;
            *revision += 1;
            write.kind = if *revision == 1 { WriteKind::Created } else { WriteKind::Updated };
            write.shadow.is_deleted = dice.roll(6) == 0;
            if let Some(draft) = &mut write.audit {
                draft.received_at = now.minus(Duration::from_millis(dice.roll(900)));
                draft.is_backfill = dice.roll(5) == 0;
            }
            if entity == Entity::Case {
                cases.insert(write.entity_id.clone());
            }
            writes.push((now, write));
        }
        let mut walls = Vec::new();
        for case in &cases {
            for name in PEOPLE {
                match dice.roll(5) {
                    0 | 1 => walls.push((case.clone(), name, Stance::Screened)),
                    2 => walls.push((case.clone(), name, Stance::Assigned)),
                    _ => {}
                }
            }
        }
        Self { writes, cases, walls, now: now.plus(Duration::from_secs(dice.roll(20))) }
    }

    fn hidden(&self, sight: &Sight) -> BTreeSet<EntityId> {
        let stands = |case: &EntityId, stance| {
            let name = sight.person().map_or("", |it| it.as_str());
            self.walls.iter().any(|(id, of, as_)| id == case && *of == name && *as_ == stance)
        };
        let is_hidden = |case: &&EntityId| match sight {
            Sight::Everything => false,
            Sight::AllBut(_) => stands(case, Stance::Screened),
            Sight::Only(_) => !stands(case, Stance::Assigned),
        };
        self.cases.iter().filter(is_hidden).cloned().collect()
    }
}

fn row(dice: &mut Dice, entity: Entity, number: u32) -> Fields {
    let mut row = Fields::new();
    let mut put = |name: &str, value: &str| {
        row.insert(name.to_owned(), FieldValue::text(value));
    };
    match entity {
        Entity::Account => put("name", dice.pick(&["Acme", "Zenith", "Doe Holdings"])),
        Entity::Contact => put("last_name", dice.pick(&["Byron", "Doe", "Poe"])),
        Entity::Case => {
            put("title", dice.pick(&["Doe v. Roe", "In re Poe", "Acme v. Zenith"]));
            put("docket_number", &format!("24-CV-{number}"));
            put("status", dice.pick(&["", "New", "Trial", "Closed"]));
            put("court", dice.pick(&["Family Court", "Superior Court"]));
            put("priority", dice.pick(&["High", "Low"]));
            let day = dice.roll(3) + 20;
            put("opened_at", &format!("2026-11-{day}T09:00:00Z"));
            if dice.roll(2) == 0 {
                put("closed_at", &format!("2026-11-{}T09:00:00Z", day + 1));
            }
            let parent = |entity| sample_write(entity, number % 3, Fields::new()).entity_id;
            put("account_id", parent(Entity::Account).as_str());
            put("contact_id", parent(Entity::Contact).as_str());
            let is_closed = dice.roll(3) == 0;
            row.insert("is_closed".to_owned(), FieldValue::Bool(is_closed));
        }
    }
    row
}

/// Checks every read of `S` under every sight: it equals the read, under [`Sight::Everything`], of
/// a store that never had the hidden cases. `open` makes a fresh store that goes by the clock.
///
/// Numbers and hashes of audit rows are left out: the rows of a hidden case keep theirs.
///
/// # Panics
///
/// When the store breaks the contract.
pub async fn sight_contract<S, F, Fut>(open: F)
where
    S: CaseStore + CaseView + AuditLog + Walls,
    F: Fn(Arc<TestClock>) -> Fut,
    Fut: Future<Output = Arc<S>>,
{
    for seed in 0..N_FIRMS {
        let firm = Firm::of(seed);
        let clock = Arc::new(TestClock::default());
        let walled = open(Arc::clone(&clock)).await;
        fill(&*walled, &clock, &firm, &BTreeSet::new()).await;
        for (case, name, stance) in &firm.walls {
            walled.set_wall(&sample_wall(case, name, *stance)).await.unwrap();
        }
        for name in PEOPLE {
            for sight in [Sight::AllBut(person(name)), Sight::Only(person(name))] {
                let hidden = firm.hidden(&sight);
                let without = open(Arc::clone(&clock)).await;
                fill(&*without, &clock, &firm, &hidden).await;
                same_reads(&*walled, &*without, &firm, &sight, seed).await;
            }
        }
        let asked: Vec<_> = firm.cases.iter().cloned().collect();
        for name in PEOPLE {
            let sight = Sight::AllBut(person(name));
            assert_eq!(walled.hidden(&sight, &asked).await.unwrap(), firm.hidden(&sight));
        }
    }
}

async fn fill<S: CaseStore>(
    store: &S,
    clock: &TestClock,
    firm: &Firm,
    left_out: &BTreeSet<EntityId>,
) {
    for (at, write) in &firm.writes {
        if !left_out.contains(&write.entity_id) {
            clock.set(*at);
            store.apply(write.clone()).await.unwrap();
        }
    }
    clock.set(firm.now);
}

async fn same_reads<S: CaseView + AuditLog>(
    walled: &S,
    without: &S,
    firm: &Firm,
    sight: &Sight,
    seed: u64,
) {
    let of = format!("firm {seed}, {sight:?}");
    let mut read = walled.overview(sight, 5).await.unwrap();
    let mut wanted = without.overview(&Sight::Everything, 5).await.unwrap();
    if matches!(sight, Sight::Only(_)) {
        wanted = of_cases_alone(wanted, without).await;
        // Which changes a full read brought stands in no answer: the lag cannot be told apart.
        wanted.sync_lag = LagSummary::default();
        read.sync_lag = LagSummary::default();
    }
    assert_eq!(read, wanted, "overview of {of}");

    for filter in filters() {
        let read = listed(walled, sight, &filter).await;
        let wanted = listed(without, &Sight::Everything, &filter).await;
        assert_eq!(read, wanted, "{filter:?} of {of}");
    }

    for (_, write) in firm.writes.iter().filter(|(_, it)| it.entity == Entity::Case) {
        for id in [write.entity_id.as_str(), write.shadow.key.record_id.as_str()] {
            let read = walled.case(sight, id).await.unwrap();
            let wanted = without.case(&Sight::Everything, id).await.unwrap();
            assert_eq!(read, wanted, "case {id} of {of}");
        }
        let id = Some(&write.entity_id);
        let read = audited(walled, sight, id, sight).await;
        let wanted = audited(without, &Sight::Everything, id, sight).await;
        assert_eq!(read, wanted, "audit of {id:?} of {of}");
    }
    let read = audited(walled, sight, None, sight).await;
    assert_eq!(read, audited(without, &Sight::Everything, None, sight).await, "audit of {of}");
}

/// Leaves of `wanted` what cases alone brought.
async fn of_cases_alone<S: AuditLog>(wanted: Overview, without: &S) -> Overview {
    let cases = Sight::Only(person("nobody"));
    let rows = audited(without, &Sight::Everything, None, &cases).await;
    let minute_ago = wanted.as_of.as_millis().div_euclid(1000) - 60;
    let is_recent = |row: &&AuditRow| row.at.as_millis().div_euclid(1000) > minute_ago;
    Overview {
        n_accounts: 0,
        n_contacts: 0,
        last_change_at: rows.first().map(|it| it.at),
        n_changes_last_minute: rows.iter().filter(is_recent).count() as u64,
        ..wanted
    }
}

async fn listed<S: CaseView>(store: &S, sight: &Sight, filter: &CaseFilter) -> Vec<CaseSummary> {
    let mut filter = filter.clone();
    let mut items = Vec::new();
    loop {
        let CasePage { items: page, next_cursor } = store.cases(sight, &filter).await.unwrap();
        let is_full = page.len() == filter.limit as usize;
        assert!(is_full || next_cursor.is_none(), "a page before the last one is not full");
        items.extend(page);
        filter.cursor = next_cursor;
        if filter.cursor.is_none() {
            return items;
        }
    }
}

/// Lists audit rows without what tells stores apart: numbers, hashes, and decisions on walls.
async fn audited<S: AuditLog>(
    store: &S,
    sight: &Sight,
    of: Option<&EntityId>,
    seen_by: &Sight,
) -> Vec<AuditRow> {
    let is_client = matches!(seen_by, Sight::Only(_));
    let rows = store.audit(sight, of, None, 10_000).await.unwrap();
    let rows = rows.into_iter().map(|row| AuditRow { seq: 0, hash: String::new(), ..row });
    let is_wall = |row: &AuditRow| row.changes.iter().any(|it| it.field.starts_with("wall:"));
    rows.filter(|row| !is_wall(row) && (!is_client || row.entity == Entity::Case)).collect()
}

fn filters() -> Vec<CaseFilter> {
    let none = CaseFilter { limit: 2, ..CaseFilter::default() };
    let text = |raw: &str| Some(raw.to_owned());
    let account = sample_write(Entity::Account, 1, Fields::new()).entity_id;
    let day = Timestamp::parse("2026-11-21T00:00:00Z").ok();
    let mut filters = vec![
        CaseFilter { search: text("doe"), ..none.clone() },
        CaseFilter { search: text("24-cv zen"), ..none.clone() },
        CaseFilter { search: text("byr"), is_closed: Some(false), ..none.clone() },
        CaseFilter { status: text("Trial"), ..none.clone() },
        CaseFilter { court: text("Family Court"), ..none.clone() },
        CaseFilter { priority: text("High"), is_closed: Some(true), ..none.clone() },
        CaseFilter { account_id: Some(account), ..none.clone() },
        CaseFilter { opened_from: day, ..none.clone() },
        CaseFilter { opened_until: day, sort: CaseSort::TitleAsc, ..none.clone() },
    ];
    let sorts = [
        CaseSort::UpdatedDesc,
        CaseSort::OpenedDesc,
        CaseSort::OpenedAsc,
        CaseSort::DocketAsc,
        CaseSort::TitleAsc,
    ];
    filters.extend(sorts.map(|sort| CaseFilter { sort, ..none.clone() }));
    filters
}
