//! How one page leads to the next.

use adapter_http::Response;
use http::header::LINK;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::time::Timestamp;
use url::Url;

use crate::manifest::{Bound, Incremental, Order, Paging, ParamFormat, Stream};
use crate::record::BadShape;

/// Where the next page is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Place {
    Start,
    Page(u64),
    Offset(u64),
    Cursor(String),
    Url(Url),
}

/// What [`shared::ports::DeltaPage::next`] holds: the first instant that is asked for, and a place
/// from there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    pub(crate) from: Timestamp,
    pub(crate) place: Place,
}

impl Mark {
    pub(crate) fn start(from: Timestamp) -> Self {
        Self { from, place: Place::Start }
    }

    /// Writes the query of the page that it marks.
    pub(crate) fn params(&self, stream: &Stream, until: Timestamp) -> Vec<(String, String)> {
        let mut params: Vec<(String, String)> =
            stream.params.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        if let Some(incremental) = &stream.incremental {
            // Nothing is older than the beginning, and not every platform takes 1970.
            if self.from > Timestamp::EPOCH {
                params.push((incremental.param.clone(), first_instant(incremental, self.from)));
            }
            if let Some(param) = &incremental.until_param {
                params.push((param.clone(), written(incremental.format, until)));
            }
        }
        match (&stream.paging, &self.place) {
            (Paging::Cursor { param, .. }, Place::Cursor(mark)) => {
                params.push((param.clone(), mark.clone()));
            }
            (Paging::Offset { param, size_param, size }, place) => {
                let offset = if let Place::Offset(offset) = place { *offset } else { 0 };
                params.push((param.clone(), offset.to_string()));
                params.push((size_param.clone(), size.to_string()));
            }
            (Paging::Page { param, size_param, size, first }, place) => {
                let page = if let Place::Page(page) = place { *page } else { *first };
                params.push((param.clone(), page.to_string()));
                params.push((size_param.clone(), size.to_string()));
            }
            _ => {}
        }
        params
    }

    /// Returns the mark of the page after this one, which had `n_records`, the last of them of
    /// `last`; `None` when it was the last page.
    pub(crate) fn next(
        &self,
        stream: &Stream,
        response: &Response,
        body: &Value,
        n_records: usize,
        last: Option<Timestamp>,
    ) -> Result<Option<Self>, BadShape> {
        let Some(place) = next_place(stream, &self.place, response, body, n_records)? else {
            return Ok(None);
        };
        if place == self.place {
            return Err(BadShape::Circle);
        }
        // A record that changes while pages are read moves to the end, and all behind it one place
        // to the front: counted pages would miss one. Asking anew from the last version does not.
        let is_by_version = stream.incremental.as_ref().filter(|it| it.order == Order::Version);
        if let (Some(_), Some(last)) = (is_by_version, last)
            && last > self.from
        {
            return Ok(Some(Self::start(last)));
        }
        Ok(Some(Self { from: self.from, place }))
    }
}

fn next_place(
    stream: &Stream,
    place: &Place,
    response: &Response,
    body: &Value,
    n_records: usize,
) -> Result<Option<Place>, BadShape> {
    let n_records = u64::try_from(n_records).unwrap_or(u64::MAX);
    Ok(match &stream.paging {
        Paging::None {} => None,
        Paging::LinkHeader {} => {
            let next = response.header(&LINK).and_then(next_link);
            next.map(|it| Url::parse(it).map(Place::Url))
                .transpose()
                .map_err(|_| BadShape::ForeignPage)?
        }
        Paging::NextUrl { at } => {
            let next = body.pointer(at).and_then(Value::as_str).filter(|it| !it.is_empty());
            next.map(|it| Url::parse(it).map(Place::Url))
                .transpose()
                .map_err(|_| BadShape::ForeignPage)?
        }
        Paging::Cursor { at, .. } => match body.pointer(at) {
            Some(Value::String(mark)) if !mark.is_empty() => Some(Place::Cursor(mark.clone())),
            Some(Value::Number(mark)) => Some(Place::Cursor(mark.to_string())),
            _ => None,
        },
        Paging::Offset { size, .. } => {
            let before = if let Place::Offset(offset) = place { *offset } else { 0 };
            (n_records >= *size).then(|| Place::Offset(before.saturating_add(n_records)))
        }
        Paging::Page { size, first, .. } => {
            let page = if let Place::Page(page) = place { *page } else { *first };
            (n_records >= *size).then(|| Place::Page(page.saturating_add(1)))
        }
    })
}

/// Finds the address that a `Link` header calls `next`. Source: RFC 8288, section 3.
fn next_link(header: &str) -> Option<&str> {
    header.split('<').skip(1).find_map(|part| {
        let (address, rest) = part.split_once('>')?;
        let is_next = rest.split(';').skip(1).any(|parameter| {
            let parameter = parameter.trim().trim_end_matches(',').trim();
            let Some((name, value)) = parameter.split_once('=') else { return false };
            name.trim().eq_ignore_ascii_case("rel")
                && value
                    .trim()
                    .trim_matches('"')
                    .split(' ')
                    .any(|it| it.eq_ignore_ascii_case("next"))
        });
        is_next.then_some(address)
    })
}

/// Writes the first instant so that records of exactly `from` come too.
fn first_instant(incremental: &Incremental, from: Timestamp) -> String {
    let from = match incremental.bound {
        Bound::Inclusive => from,
        Bound::Exclusive => from.minus(std::time::Duration::from_secs(1)),
    };
    written(incremental.format, from)
}

fn written(format: ParamFormat, at: Timestamp) -> String {
    match format {
        ParamFormat::Rfc3339 => at.to_second().to_string().replace(".000Z", "Z"),
        ParamFormat::Rfc3339Millis => at.to_string(),
        ParamFormat::UnixSeconds => at.as_millis().div_euclid(1000).to_string(),
        ParamFormat::UnixMillis => at.as_millis().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_link_is_found_among_others() {
        let header = "<https://api.github.com/repositories/1/issues?page=1>; rel=\"prev\", \
                      <https://api.github.com/repositories/1/issues?page=3>; rel=\"next\", \
                      <https://api.github.com/repositories/1/issues?page=9>; rel=\"last\"";
        assert_eq!(next_link(header), Some("https://api.github.com/repositories/1/issues?page=3"));
        assert_eq!(next_link("<https://x.test/?a=1>; rel=next"), Some("https://x.test/?a=1"));
        assert_eq!(next_link("<https://x.test/?a=1>; rel=\"last\""), None);
        assert_eq!(next_link(""), None);
    }

    #[test]
    fn instants_are_written_in_every_form() {
        let at = Timestamp::from_millis(1_767_261_600_250);
        for (format, text) in [
            (ParamFormat::Rfc3339, "2026-01-01T10:00:00Z"),
            (ParamFormat::Rfc3339Millis, "2026-01-01T10:00:00.250Z"),
            (ParamFormat::UnixSeconds, "1767261600"),
            (ParamFormat::UnixMillis, "1767261600250"),
        ] {
            assert_eq!(written(format, at), text);
        }
    }
}
