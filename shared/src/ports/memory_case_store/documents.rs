//! Documents of the memory store.

use async_trait::async_trait;

use super::MemoryCaseStore;
use crate::auth::Sight;
use crate::error::{PortError, PortErrorKind};
use crate::ids::EntityId;
use crate::model::Entity;
use crate::ports::WriteKind;
use crate::ports::case_store::Committed;
use crate::ports::documents::{DocumentAct, DocumentDraft, Documents, Filed, FiledDocument};

#[async_trait]
impl Documents for MemoryCaseStore {
    async fn file(&self, document: &DocumentDraft, act: &DocumentAct) -> Result<Filed, PortError> {
        let refused = |kind, subject: &EntityId| {
            PortError::new(kind, "memory", "file a document in", subject.as_str())
        };
        let mut state = self.state();
        if let Some(standing) = state.documents.get(&document.id) {
            return match document.filed_at(standing.document.created_at) == *standing {
                true => Ok(Filed { document: standing.clone(), committed: None }),
                false => Err(refused(PortErrorKind::Conflict, &document.id)),
            };
        }
        let DocumentDraft { id, case_id, .. } = document;
        if !state.rows.contains_key(&(Entity::Case, case_id.clone())) {
            return Err(refused(PortErrorKind::NotFound, case_id));
        }
        let draft = document.filing_audit(act);
        let seq = state.add_audit(Entity::Case, case_id, WriteKind::Updated, draft, act.at);
        let filed = document.filed_at(act.at);
        state.documents.insert(id.clone(), filed.clone());
        let committed = Committed { change_seq: Some(seq), at: act.at };
        Ok(Filed { document: filed, committed: Some(committed) })
    }

    async fn find(&self, sight: &Sight, id: &EntityId) -> Result<Option<FiledDocument>, PortError> {
        let state = self.state();
        let is_shown = |it: &&FiledDocument| {
            let survivor = state.resolve(&it.case_id);
            state.shows(sight, &it.case_id) && state.shows(sight, &survivor)
        };
        Ok(state.documents.get(id).filter(is_shown).cloned())
    }

    async fn note_read(&self, id: &EntityId, act: &DocumentAct) -> Result<(), PortError> {
        let mut state = self.state();
        let Some(document) = state.documents.get(id).cloned() else {
            return Err(PortError::new(
                PortErrorKind::NotFound,
                "memory",
                "note a read of",
                id.as_str(),
            ));
        };
        let draft = document.reading_audit(act);
        state.add_audit(Entity::Case, &document.case_id, WriteKind::Updated, draft, act.at);
        Ok(())
    }
}
