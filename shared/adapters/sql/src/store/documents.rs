//! Documents of cases, on both engines: the same statements, in one transaction with their audit row
//! and their change row.

use std::borrow::Cow;

use async_trait::async_trait;
use shared::auth::Sight;
use shared::ids::{EntityId, PersonId};
use shared::ports::{
    Committed, DOCUMENTS_FIELD, DocumentAct, DocumentDraft, Documents, Filed, FiledDocument,
};
use shared::{PortError, PortErrorKind};
use sqlx::AssertSqlSafe;

use super::batch::Batch;
use super::decode::number;
use super::jobs::{Answer, Job};
use super::rows::StoredFiling;
use super::sight::shown_cases;
use super::text::marked;
use super::{PostgresCaseStore, SqliteCaseStore};

/// One document: $1 its id.
const DOCUMENT: &str = "SELECT id, exhibit_label, name, media_type, size_bytes, sha256, created_at, \
     case_id, category, description FROM documents WHERE id = $1 AND NOT is_deleted";

/// What names a case for people: $1 its id.
const LABEL: &str = "SELECT coalesce(docket_number, case_number), title FROM cases WHERE id = $1";

const INSERT: &str = "INSERT INTO documents (id, case_id, exhibit_label, name, media_type, \
     size_bytes, sha256, category, description, created_at, updated_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10) ON CONFLICT (id) DO NOTHING";

/// Spells the query of a document whose case `sight` shows, and so the case into which that one was
/// merged: $1 its id, $2 person.
fn shown_document(sight: &Sight) -> String {
    // A parameter that stands nowhere is refused by PostgreSQL.
    let shown = |id| shown_cases(sight, id, "$2").unwrap_or_else(|| "$2 IS NULL".to_owned());
    let (own, survivor) = (shown("case_id"), shown("entity_id"));
    format!(
        "{DOCUMENT} AND case_id IN (SELECT id FROM cases) AND {own} AND NOT EXISTS \
         (SELECT 1 FROM id_aliases WHERE alias = case_id AND NOT ({survivor}))"
    )
}

fn label((docket, title): (Option<String>, Option<String>)) -> Option<String> {
    let parts: Vec<String> = docket.into_iter().chain(title).collect();
    (!parts.is_empty()).then(|| parts.join(" · "))
}

/// Free text as SQLite holds it.
fn plain(text: &str) -> Cow<'_, str> {
    Cow::Borrowed(text)
}

macro_rules! documents {
    ($module:ident, $connection:ty, $store:ty, $form:expr) => {
        /// The statements on one engine.
        pub(super) mod $module {
            use super::*;

            async fn standing(
                connection: &mut $connection,
                id: &EntityId,
            ) -> Result<Option<FiledDocument>, sqlx::Error> {
                let stored: Option<StoredFiling> =
                    sqlx::query_as(DOCUMENT).bind(id.as_str()).fetch_optional(connection).await?;
                stored.map(StoredFiling::read).transpose()
            }

            /// Files a document, unless it stands already.
            pub(in crate::store) async fn file(
                connection: &mut $connection,
                (draft, act): &(DocumentDraft, DocumentAct),
                batch: &mut Batch<'_>,
            ) -> Result<Answer, sqlx::Error> {
                if let Some(document) = standing(connection, &draft.id).await? {
                    return Ok(match draft.filed_at(document.document.created_at) == document {
                        true => Answer::Filed(Box::new(Filed { document, committed: None })),
                        false => Answer::Conflict,
                    });
                }
                let named = sqlx::query_as(LABEL).bind(draft.case_id.as_str());
                let Some(named) = named.fetch_optional(&mut *connection).await? else {
                    return Ok(Answer::NoCase);
                };
                let at = batch.at();
                let done = sqlx::query(INSERT)
                    .bind(draft.id.as_str())
                    .bind(draft.case_id.as_str())
                    .bind(draft.exhibit_label.as_deref().map($form))
                    .bind($form(draft.name.as_str()))
                    .bind(draft.media_type.as_str())
                    .bind(number(draft.size_bytes))
                    .bind(draft.sha256.to_string())
                    .bind(draft.category.as_deref().map($form))
                    .bind(draft.description.as_deref().map($form))
                    .bind(at.as_millis())
                    .execute(connection)
                    .await?;
                if done.rows_affected() == 0 {
                    // It is there, and counts as deleted.
                    return Ok(Answer::Conflict);
                }
                let audit = draft.filing_audit(act);
                let change_seq =
                    batch.add_hanging(&draft.case_id, label(named), DOCUMENTS_FIELD, &audit)?;
                let committed = Some(Committed { change_seq: Some(change_seq), at });
                Ok(Answer::Filed(Box::new(Filed { document: draft.filed_at(at), committed })))
            }

            /// Adds the audit row of somebody who is given a document.
            pub(in crate::store) async fn note_read(
                connection: &mut $connection,
                (id, act): &(EntityId, DocumentAct),
                batch: &mut Batch<'_>,
            ) -> Result<Answer, sqlx::Error> {
                let Some(document) = standing(connection, id).await? else {
                    return Ok(Answer::NoDocument);
                };
                batch.add_decision(&document.case_id, &document.reading_audit(act))?;
                Ok(Answer::Recorded)
            }

            #[async_trait]
            impl Documents for $store {
                async fn file(
                    &self,
                    document: &DocumentDraft,
                    act: &DocumentAct,
                ) -> Result<Filed, PortError> {
                    const OPERATION: &str = "file a document in";
                    let refused = |kind, subject: &EntityId| {
                        PortError::new(kind, Self::PLATFORM, OPERATION, subject.as_str())
                    };
                    let job = Job::File(Box::new((document.clone(), act.clone())));
                    let case_id = &document.case_id;
                    match self.commit(job, OPERATION, case_id.as_str()).await? {
                        Answer::Filed(filed) => Ok(*filed),
                        Answer::NoCase => Err(refused(PortErrorKind::NotFound, case_id)),
                        _ => Err(refused(PortErrorKind::Conflict, &document.id)),
                    }
                }

                async fn find(
                    &self,
                    sight: &Sight,
                    id: &EntityId,
                ) -> Result<Option<FiledDocument>, PortError> {
                    let failed = |cause| Self::read_failed(cause, "find document", id.as_str());
                    // The text is made of the names above alone.
                    let stored: Option<StoredFiling> =
                        sqlx::query_as(AssertSqlSafe(shown_document(sight)))
                            .bind(id.as_str())
                            .bind(sight.person().map(PersonId::as_str))
                            .fetch_optional(self.readers())
                            .await
                            .map_err(failed)?;
                    stored.map(StoredFiling::read).transpose().map_err(failed)
                }

                async fn note_read(
                    &self,
                    id: &EntityId,
                    act: &DocumentAct,
                ) -> Result<(), PortError> {
                    const OPERATION: &str = "note a read of";
                    let job = Job::NoteRead(Box::new((id.clone(), act.clone())));
                    match self.commit(job, OPERATION, id.as_str()).await? {
                        Answer::Recorded => Ok(()),
                        _ => Err(PortError::new(
                            PortErrorKind::NotFound,
                            Self::PLATFORM,
                            OPERATION,
                            id.as_str(),
                        )),
                    }
                }
            }
        }
    };
}

documents!(sqlite_documents, sqlx::SqliteConnection, SqliteCaseStore, plain);
documents!(postgres_documents, sqlx::PgConnection, PostgresCaseStore, marked);
