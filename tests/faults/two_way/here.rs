//! Changes that people make by the API, however often the process is killed below them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::kinds::{ACCOUNT, CASE, CONTACT, Kind};
use super::plan::{Side, Wish};
use super::world::World;
use crate::soak::Dice;

/// What the API answered with success: the audit log must tell all of it.
#[derive(Debug, Default)]
pub(super) struct Accepted {
    /// New values of fields.
    pub(super) values: Vec<String>,
    /// New rows: kind, id, and the value of the mark.
    pub(super) births: Vec<(&'static Kind, String, String)>,
    /// Rows that were deleted or restored: the id, and what the audit log calls it.
    pub(super) presences: Vec<(String, &'static str)>,
    /// Rows that were merged; the id of one that was merged before stands for its survivor.
    pub(super) n_merged: usize,
    /// Conflicts that were decided.
    pub(super) n_decided: usize,
}

impl Accepted {
    pub(super) fn n_changes(&self) -> usize {
        self.values.len() + self.births.len() + self.presences.len() + self.n_merged
    }

    pub(super) fn add(&mut self, other: Self) {
        self.values.extend(other.values);
        self.births.extend(other.births);
        self.presences.extend(other.presences);
        self.n_merged += other.n_merged;
        self.n_decided += other.n_decided;
    }
}

/// What became of a request.
enum Answer {
    Done(Value),
    /// It was refused for a reason that the API tells; nothing was changed.
    Refused,
    /// The process was killed, or busy: it may have been done.
    Unclear,
    /// Nobody listened: it was not done.
    Unheard,
}

/// Somebody who works with the API.
pub(super) struct Here {
    world: Arc<World>,
    number: usize,
    pause: Duration,
    token: String,
    dice: Dice,
    n_values: usize,
    made: Vec<(&'static Kind, String)>,
    deleted: Vec<(&'static Kind, String)>,
    accepted: Accepted,
}

impl Here {
    pub(super) fn new(world: Arc<World>, number: usize, pause: Duration, token: String) -> Self {
        let dice = Dice(1011 + number as u64);
        let (made, deleted, accepted) = (Vec::new(), Vec::new(), Accepted::default());
        Self { world, number, pause, token, dice, n_values: 0, made, deleted, accepted }
    }

    fn value(&mut self) -> String {
        self.n_values += 1;
        format!("here {} {}", self.number, self.n_values)
    }

    /// Makes changes until `n_changes` were accepted; returns them.
    pub(super) async fn work(mut self, n_changes: usize, n_done: Arc<AtomicUsize>) -> Accepted {
        while self.accepted.n_changes() < n_changes {
            let n_before = self.accepted.n_changes();
            self.make_one().await;
            n_done.fetch_add(self.accepted.n_changes() - n_before, Ordering::Relaxed);
            let pause = self.pause.mul_f64(self.dice.below(100) as f64 / 50.0);
            tokio::time::sleep(pause).await;
        }
        self.accepted
    }

    async fn make_one(&mut self) {
        let world = Arc::clone(&self.world);
        let row = |kind: &Kind, id: &str| kind.row_id(id);
        match world.herds.draw(Side::Here, &mut self.dice) {
            Wish::Update(kind, id, field) => {
                let (kind, id) = match self.made.len() {
                    n_made if n_made > 0 && self.dice.below(6) == 0 => {
                        self.made[self.dice.below(n_made)].clone()
                    }
                    _ => (kind, row(kind, &id)),
                };
                self.update(kind, &id, field).await;
            }
            Wish::Create(kind) => {
                let account = row(ACCOUNT, world.herds.of(ACCOUNT).stable(&mut self.dice));
                let contact = row(CONTACT, world.herds.of(CONTACT).stable(&mut self.dice));
                let parents = match kind.object {
                    "Account" => json!({}),
                    "Contact" => json!({"account_id": account}),
                    _ => json!({"account_id": account, "contact_id": contact}),
                };
                self.create(kind, parents).await;
            }
            Wish::Family => {
                let account = self.create(ACCOUNT, json!({})).await;
                let contact = self.create(CONTACT, json!({"account_id": account})).await;
                let parents = json!({"account_id": account, "contact_id": contact});
                self.create(CASE, parents).await;
            }
            Wish::Delete(kind, id) => self.delete(kind, row(kind, &id)).await,
            Wish::Restore => self.restore().await,
            Wish::Merge(kind, loser, winner) => {
                // Also into what was made here and has perhaps no name over there yet.
                let made = self.made.iter().rfind(|it| it.0.object == kind.object).cloned();
                let winner = match made {
                    Some((_, id)) if self.dice.below(6) == 0 => id,
                    _ => row(kind, &winner),
                };
                self.merge(kind, &row(kind, &loser), &winner).await;
            }
            Wish::Decide => self.decide().await,
        }
    }

    /// Gives a field new values until one of them is certainly accepted, or refused.
    async fn update(&mut self, kind: &'static Kind, id: &str, field: usize) {
        let (local, ..) = kind.fields[field];
        let path = format!("/v1/{}/{id}", kind.collection);
        let mut value = self.value();
        loop {
            match self.ask(Method::PATCH, &path, &json!({local: value}), None).await {
                Answer::Done(_) => return self.accepted.values.push(value),
                Answer::Refused => return,
                Answer::Unheard => {}
                // Sent once more it may be another change: it gets another value.
                Answer::Unclear => value = self.value(),
            }
        }
    }

    /// Makes a row, once: a key stands for it however often it is sent.
    async fn create(&mut self, kind: &'static Kind, mut fields: Value) -> String {
        let mark = format!("made {}", self.value());
        fields[kind.mark.0] = json!(mark);
        fields[kind.fields[0].0] = json!(self.value());
        let path = format!("/v1/{}", kind.collection);
        loop {
            let key = Some(mark.replace(' ', "-"));
            match self.ask(Method::POST, &path, &fields, key).await {
                Answer::Done(made) => {
                    let id = made["row"]["id"].as_str().unwrap().to_owned();
                    self.made.push((kind, id.clone()));
                    self.accepted.births.push((kind, id.clone(), mark));
                    return id;
                }
                Answer::Refused => panic!("{path} refused {fields}"),
                Answer::Unheard | Answer::Unclear => {}
            }
        }
    }

    async fn delete(&mut self, kind: &'static Kind, id: String) {
        let path = format!("/v1/{}/{id}", kind.collection);
        if let Some(done) = self.insist(Method::DELETE, &path, &json!({})).await {
            let id = done["row"]["id"].as_str().unwrap().to_owned();
            self.accepted.presences.push((id.clone(), "deleted"));
            self.deleted.push((kind, id));
        }
    }

    async fn restore(&mut self) {
        if self.deleted.is_empty() {
            return;
        }
        let (kind, id) = self.deleted.swap_remove(self.dice.below(self.deleted.len()));
        let path = format!("/v1/{}/{id}/restore", kind.collection);
        if let Some(done) = self.insist(Method::POST, &path, &json!({})).await {
            let id = done["row"]["id"].as_str().unwrap().to_owned();
            self.accepted.presences.push((id, "restored"));
        }
    }

    async fn merge(&mut self, kind: &'static Kind, loser: &str, winner: &str) {
        let path = format!("/v1/{}/{loser}/merge", kind.collection);
        if self.insist(Method::POST, &path, &json!({"into": winner})).await.is_some() {
            self.accepted.n_merged += 1;
        }
    }

    /// Decides one of the open conflicts.
    async fn decide(&mut self) {
        let path = "/v1/conflicts?state=open&limit=20";
        let Answer::Done(open) = self.ask(Method::GET, path, &json!({}), None).await else {
            return;
        };
        let Some(open) = open["items"].as_array().filter(|it| !it.is_empty()) else { return };
        let conflict = &open[self.dice.below(open.len())];
        let choice = ["local", "remote"][self.dice.below(2)];
        let path = format!("/v1/conflicts/{}/resolve", conflict["id"]);
        let body = json!({conflict["local_field"].as_str().unwrap(): choice});
        if self.insist(Method::POST, &path, &body).await.is_some() {
            self.accepted.n_decided += 1;
        }
    }

    /// Asks until there is an answer; `None` when it is a refusal, perhaps because an earlier try was
    /// done.
    async fn insist(&self, method: Method, path: &str, body: &Value) -> Option<Value> {
        loop {
            match self.ask(method.clone(), path, body, None).await {
                Answer::Done(done) => return Some(done),
                Answer::Refused => return None,
                Answer::Unheard | Answer::Unclear => {}
            }
        }
    }

    async fn ask(&self, method: Method, path: &str, body: &Value, key: Option<String>) -> Answer {
        let url = format!("http://127.0.0.1:{}{path}", self.world.port);
        let mut request = self.world.client.request(method.clone(), &url).bearer_auth(&self.token);
        if method != Method::GET && method != Method::DELETE {
            request = request.json(body);
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => {
                tokio::time::sleep(Duration::from_millis(50)).await;
                return if error.is_connect() { Answer::Unheard } else { Answer::Unclear };
            }
        };
        match answer.status() {
            status if status.is_success() => {
                answer.json().await.map_or(Answer::Unclear, Answer::Done)
            }
            // It is deleted, it is not deleted, it is the same as the other, the conflict has ended.
            StatusCode::CONFLICT | StatusCode::NOT_FOUND => Answer::Refused,
            status if status.is_client_error() => {
                panic!("{method} {path}: {status} {}", answer.text().await.unwrap_or_default())
            }
            _ => {
                tokio::time::sleep(Duration::from_millis(50)).await;
                Answer::Unclear
            }
        }
    }
}
