//! One record on two sides, and what can happen to it.

use super::*;

/// A value that stood over there, who wrote it, and what stood there before.
#[derive(Clone, Debug)]
pub(super) struct There {
    pub(super) field: &'static str,
    pub(super) value: FieldValue,
    pub(super) is_ours: bool,
    /// For a write of ours: what we knew to stand there.
    pub(super) known: Option<FieldValue>,
}

/// A value that was given here, and what stood here before.
#[derive(Clone, Debug)]
pub(super) struct Here {
    pub(super) field: &'static str,
    pub(super) value: FieldValue,
    pub(super) replaced: FieldValue,
}

pub(super) struct World {
    pub(super) now: i64,
    pub(super) n_values: u32,
    pub(super) record: Fields,
    pub(super) modified: i64,
    pub(super) events: Vec<ChangeEvent>,
    pub(super) there: Vec<There>,
    pub(super) here: Vec<Here>,
    pub(super) shadow: Shadow,
    pub(super) writes: Vec<Write>,
    pub(super) job: Option<Job>,
    pub(super) mapping: ObjectMapping,
}

pub(super) struct Job {
    pub(super) sent: Sent,
    pub(super) known: Fields,
    pub(super) has_landed: bool,
}

impl World {
    pub(super) fn new() -> Self {
        let mapping = read_mapping("account.yaml", MAPPING).unwrap();
        let key = RecordKey {
            connection: ConnectionId::parse("main").unwrap(),
            object: ObjectName::parse("Account").unwrap(),
            record_id: RecordId::parse("0015f00002J9YYEAA3").unwrap(),
        };
        let mut world = Self {
            now: 1000,
            n_values: 0,
            record: Fields::new(),
            modified: 1000,
            events: Vec::new(),
            there: Vec::new(),
            here: Vec::new(),
            shadow: Shadow::unseen(key),
            writes: Vec::new(),
            job: None,
            mapping,
        };
        for (field, _) in FIELDS {
            world.record.insert(field.to_owned(), FieldValue::text(&format!("{field} 0")));
        }
        world.now += 1;
        world.poll();
        world
    }

    pub(super) fn fresh_value(&mut self) -> FieldValue {
        self.n_values += 1;
        FieldValue::text(&format!("v{}", self.n_values))
    }

    pub(super) fn set_there(&mut self, fields: &Fields, known: Option<&Fields>) {
        self.modified = self.now;
        for (field, value) in fields {
            self.record.insert(field.clone(), value.clone());
            let (field, _) = *FIELDS.iter().find(|it| it.0 == field.as_str()).unwrap();
            let known = known.map(|it| it.get(field).cloned().unwrap_or_default());
            let is_ours = known.is_some();
            self.there.push(There { field, value: value.clone(), is_ours, known });
        }
        let event = self.event(Scope::Changed, fields.clone(), Channel::ChangeEvent);
        self.events.push(event);
    }

    pub(super) fn event(&self, scope: Scope, fields: Fields, channel: Channel) -> ChangeEvent {
        ChangeEvent {
            event_id: format!("e-{}", self.events.len()),
            key: self.shadow.key.clone(),
            change: Change::Upsert,
            version: Some(at(self.modified)),
            scope,
            fields,
            unread: Vec::new(),
            channel,
            received_at: at(self.now),
            is_backfill: false,
            correlation_id: CorrelationId::parse("c-1").unwrap(),
        }
    }

    pub(super) fn edit_there(&mut self, place: usize) {
        let (field, _) = FIELDS[place];
        let value = self.fresh_value();
        self.set_there(&Fields::from([(field.to_owned(), value)]), None);
    }

    pub(super) fn edit_here(&mut self, place: usize) {
        let (field, local) = FIELDS[place];
        let value = self.fresh_value();
        let change = LocalChange {
            fields: Fields::from([(local.to_owned(), value.clone())]),
            presence: None,
        };
        let correlation_id = CorrelationId::parse("c-2").unwrap();
        let cause = self.cause("person:anna", Channel::Api, &correlation_id);
        let write = edit(&self.shadow, &change, &References::new(), &self.mapping, cause).unwrap();
        let replaced = self.shadow.edits.over(&self.shadow.fields)[field].clone();
        self.here.push(Here { field, value, replaced });
        self.apply(write.unwrap());
    }

    pub(super) fn cause<'a>(
        &self,
        actor: &'a str,
        channel: Channel,
        correlation_id: &'a CorrelationId,
    ) -> Cause<'a> {
        Cause {
            actor,
            channel,
            event_id: "x",
            correlation_id,
            version: at(self.now),
            received_at: at(self.now),
            is_backfill: false,
        }
    }

    pub(super) fn apply(&mut self, write: Write) {
        assert_eq!(write.shadow.revision, self.shadow.revision, "stale write");
        self.shadow = Shadow { revision: write.shadow.revision + 1, ..write.shadow.clone() };
        self.writes.push(write);
    }

    /// What the sync worker does with an event.
    pub(super) fn take(&mut self, event: &ChangeEvent) {
        let mapping = self.mapping.clone();
        let known = (self.shadow.revision > 0).then(|| self.shadow.clone());
        let context = MergeContext {
            mapping: &mapping,
            actor: "salesforce:main",
            authority: Authority::Reported,
            reported: None,
        };
        let mut merged = merge(event, known.as_ref(), context).unwrap();
        if let Merged::ReadRecord(_) = merged {
            let mut current = self.event(Scope::Full, self.record.clone(), event.channel);
            current.version = event.version.max(current.version);
            let context =
                MergeContext { authority: Authority::Read, reported: Some(event), ..context };
            merged = merge(&current, known.as_ref(), context).unwrap();
        }
        match merged {
            Merged::Nothing => {}
            Merged::Write(write) => self.apply(*write),
            Merged::ReadRecord(reason) => panic!("read in vain: {reason}"),
        }
    }

    pub(super) fn poll(&mut self) {
        let event = self.event(Scope::Full, self.record.clone(), Channel::Poll);
        self.take(&event);
    }

    /// Reads the record now, as the relay does before it writes; false when the present second is
    /// not over, so that what is read may not be all that it brings.
    pub(super) fn look(&mut self) -> bool {
        let mapping = self.mapping.clone();
        let event = self.event(Scope::Full, self.record.clone(), Channel::WriteBack);
        let context = MergeContext {
            mapping: &mapping,
            actor: "salesforce:main",
            authority: Authority::Read,
            reported: None,
        };
        if let Merged::Write(write) = merge(&event, Some(&self.shadow), context).unwrap() {
            self.apply(*write);
        }
        self.modified < self.now
    }

    pub(super) fn sendable(&self) -> Fields {
        let edits = self.shadow.edits.sendable();
        edits.map(|(field, edit)| (field.clone(), edit.value.clone())).collect()
    }

    pub(super) fn push(&mut self, meanwhile: Option<usize>, is_answer_lost: bool) {
        if !self.look() {
            return;
        }
        let fields = self.sendable();
        let (seen, known) = (self.modified, self.shadow.fields.clone());
        if let Some(place) = meanwhile {
            self.edit_there(place);
        }
        // `If-Unmodified-Since`: to the second.
        if fields.is_empty() || self.modified > seen {
            return;
        }
        self.set_there(&fields, Some(&known));
        if !is_answer_lost {
            let sent = Sent { fields, presence: None };
            self.settle(&sent);
        }
    }

    pub(super) fn settle(&mut self, sent: &Sent) {
        let state = RemoteRecord {
            record_id: self.shadow.key.record_id.clone(),
            version: at(self.modified),
            is_deleted: false,
            fields: self.record.clone(),
            unread: Vec::new(),
        };
        let correlation_id = CorrelationId::parse("c-3").unwrap();
        let cause = self.cause("salesforce:main", Channel::WriteBack, &correlation_id);
        let id = self.shadow.key.record_id.clone();
        let write = settle(&self.shadow, sent, &id, Some(state), &self.mapping, cause).unwrap();
        self.apply(write);
    }

    pub(super) fn depart(&mut self) {
        if self.job.is_some() || !self.look() {
            return;
        }
        let sent = Sent { fields: self.sendable(), presence: None };
        if sent.fields.is_empty() {
            return;
        }
        let revision = self.shadow.revision + 1;
        self.shadow = Shadow { revision, ..depart(&self.shadow, &sent) };
        self.job = Some(Job { sent, known: self.shadow.fields.clone(), has_landed: false });
    }

    pub(super) fn land(&mut self) {
        let Some(mut job) = self.job.take() else { return };
        if !job.has_landed {
            self.set_there(&job.sent.fields, Some(&job.known));
            job.has_landed = true;
        }
        self.job = Some(job);
    }

    pub(super) fn arrive(&mut self) {
        match self.job.take() {
            Some(job) if job.has_landed => self.settle(&job.sent),
            other => self.job = other,
        }
    }

    pub(super) fn play(&mut self, step: &Step) {
        match *step {
            Step::Tick => self.now += 1,
            Step::EditThere(place) => self.edit_there(place),
            Step::EditHere(place) => self.edit_here(place),
            Step::Deliver(_) if self.events.is_empty() => {}
            Step::Deliver(place) => {
                let event = self.events[place % self.events.len()].clone();
                self.take(&event);
            }
            Step::Poll => self.poll(),
            Step::Push { meanwhile, is_answer_lost } => self.push(meanwhile, is_answer_lost),
            Step::Depart => self.depart(),
            Step::Land => self.land(),
            Step::Arrive => self.arrive(),
        }
    }

    /// Everything that is under way comes to its end.
    pub(super) fn come_to_rest(&mut self) {
        self.land();
        self.arrive();
        for _ in 0..8 {
            self.now += 1;
            for event in self.events.clone() {
                self.take(&event);
            }
            self.now += 1;
            self.push(None, false);
        }
        self.poll();
    }
}
