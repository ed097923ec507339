//! Changes that people make inside the org.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::kinds::{ACCOUNT, CASE, CONTACT, Kind};
use super::plan::{Side, Wish};
use super::world::World;
use crate::soak::Dice;

/// Changes of one transaction at most.
const MAX_BATCH: usize = 4;

/// Somebody who works inside the org.
pub(super) struct There {
    pub(super) world: Arc<World>,
    pub(super) number: usize,
    pub(super) pause: Duration,
    /// What is drawn for the worker, and how many values it gave.
    dice: Dice,
    n_values: usize,
    /// What it made, and what it deleted.
    made: Vec<(&'static Kind, String)>,
    deleted: Vec<String>,
}

impl There {
    pub(super) fn new(world: Arc<World>, number: usize, pause: Duration) -> Self {
        let dice = Dice(7 + number as u64);
        Self { world, number, pause, dice, n_values: 0, made: Vec::new(), deleted: Vec::new() }
    }

    fn value(&mut self) -> String {
        self.n_values += 1;
        format!("there {} {}", self.number, self.n_values)
    }

    /// Makes changes until `n_changes` were accepted.
    pub(super) async fn work(mut self, n_changes: usize, n_done: Arc<AtomicUsize>) {
        let mut n_accepted = 0;
        while n_accepted < n_changes {
            let n_now = self.make_one().await;
            n_accepted += n_now;
            n_done.fetch_add(n_now, Ordering::Relaxed);
            let pause = self.pause.mul_f64(self.dice.below(100) as f64 / 50.0);
            tokio::time::sleep(pause).await;
        }
    }

    /// Does one thing; returns how many changes the org accepted.
    async fn make_one(&mut self) -> usize {
        let world = Arc::clone(&self.world);
        match world.herds.draw(Side::There, &mut self.dice) {
            Wish::Update(kind, id, field) => self.update(kind, id, field).await,
            Wish::Create(kind) => {
                let parents = match kind.object {
                    "Account" => json!({}),
                    "Contact" => {
                        json!({"AccountId": world.herds.of(ACCOUNT).stable(&mut self.dice)})
                    }
                    _ => json!({
                        "AccountId": world.herds.of(ACCOUNT).stable(&mut self.dice),
                        "ContactId": world.herds.of(CONTACT).stable(&mut self.dice),
                    }),
                };
                self.create(kind, parents).await;
                1
            }
            Wish::Family => {
                let account = self.create(ACCOUNT, json!({})).await;
                let contact = self.create(CONTACT, json!({"AccountId": account})).await;
                self.create(CASE, json!({"AccountId": account, "ContactId": contact})).await;
                3
            }
            Wish::Delete(_, id) => {
                let n_now = self.commit(vec![json!({"delete": {"id": id}})]).await.len();
                self.deleted.extend((n_now > 0).then_some(id));
                n_now
            }
            Wish::Restore if self.deleted.is_empty() => 0,
            Wish::Restore => {
                let id = self.deleted.swap_remove(self.dice.below(self.deleted.len()));
                self.commit(vec![json!({"undelete": {"id": id}})]).await.len()
            }
            Wish::Merge(kind, loser, winner) => {
                let merge = json!({"object": kind.object, "master": winner, "losers": [loser]});
                self.commit(vec![json!({"merge": merge})]).await.len()
            }
            Wish::Decide => 0,
        }
    }

    /// Changes a record, and now and then some more in the same transaction.
    async fn update(&mut self, kind: &'static Kind, id: String, field: usize) -> usize {
        let n_more = match self.dice.below(4) {
            0 => self.dice.below(MAX_BATCH),
            _ => 0,
        };
        let mut all = vec![(kind, id, field)];
        for _ in 0..n_more {
            let more = self.world.herds.draw(Side::There, &mut self.dice);
            // Two changes of one field in one transaction are one change.
            if let Wish::Update(kind, id, field) = more
                && !all.iter().any(|it| it.1 == id)
            {
                all.push((kind, id, field));
            }
        }
        if !self.made.is_empty() && self.dice.below(6) == 0 {
            let (kind, id) = self.made[self.dice.below(self.made.len())].clone();
            all[0] = (kind, id, field);
        }
        let mut changes = Vec::with_capacity(all.len());
        for (kind, id, field) in all {
            let (_, remote, _) = kind.fields[field];
            changes.push(json!({"update": {"id": id, "fields": {remote: self.value()}}}));
        }
        self.commit(changes).await.len()
    }

    async fn create(&mut self, kind: &'static Kind, mut fields: Value) -> String {
        fields[kind.mark.1] = json!(format!("made {}", self.value()));
        fields[kind.fields[0].1] = json!(self.value());
        let create = json!({"object": kind.object, "fields": fields});
        let made = self.commit(vec![json!({"create": create})]).await;
        let id = made.first().cloned().unwrap_or_else(|| panic!("not made: {create}"));
        self.made.push((kind, id.clone()));
        id
    }

    /// Makes changes in one transaction; returns the records of those that were accepted.
    async fn commit(&self, changes: Vec<Value>) -> Vec<String> {
        self.world.commit(&changes).await
    }
}
