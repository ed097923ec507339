//! Where a call goes: whatever an answer says, the token stays on the instance.

use url::Url;

/// The longest request line and headers together. Source: REST API guide, "Request limits".
pub(crate) const MAX_URL_BYTES: usize = 15_000;

/// What the address of a next page may carry.
const PAGE_MARKS: [&str; 4] = ["locator", "queryLocator", "maxRecords", "jobType"];

/// A place on the instance.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// Segments behind `/services/data/vNN.0/`; each is escaped.
    Data(Vec<String>),
    /// The list of versions.
    Versions,
    /// The SOAP partner API.
    Soap,
    /// A path that an answer gave, with or without its leading slash.
    Given(String),
}

/// A place that the token must not be sent to, or that is too long to be asked for.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadPlace {
    #[error("the next page is not a path below `/services/data/`")]
    Foreign,
    #[error(
        "the query makes an address of {n_bytes} bytes, more than {MAX_URL_BYTES}: map fewer fields"
    )]
    TooLong { n_bytes: usize },
}

/// Builds the address of `place` on the instance.
pub(crate) fn locate(
    instance: &Url,
    version: &str,
    place: &Place,
    query: &[(&'static str, String)],
) -> Result<Url, BadPlace> {
    let mut url = instance.clone();
    url.set_query(None);
    url.set_fragment(None);
    match place {
        Place::Data(segments) => {
            url.set_path(&format!("/services/data/v{version}/"));
            let mut path = url.path_segments_mut().map_err(|()| BadPlace::Foreign)?;
            path.pop_if_empty().extend(segments);
        }
        Place::Versions => url.set_path("/services/data"),
        Place::Soap => url.set_path(&format!("/services/Soap/u/{version}")),
        Place::Given(given) => set_given(&mut url, given)?,
    }
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    match url.as_str().len() {
        n_bytes if n_bytes > MAX_URL_BYTES => Err(BadPlace::TooLong { n_bytes }),
        _ => Ok(url),
    }
}

/// Takes the path of `given`, and of what follows it only the marks of pages.
fn set_given(url: &mut Url, given: &str) -> Result<(), BadPlace> {
    let (path, query) = given.split_once('?').unwrap_or((given, ""));
    let path = path.strip_prefix('/').unwrap_or(path);
    let is_plain = path.starts_with("services/data/")
        && path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/.-_".contains(&b))
        && !path.contains("..");
    if !is_plain {
        return Err(BadPlace::Foreign);
    }
    url.set_path(path);
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        if !PAGE_MARKS.contains(&name.as_ref()) {
            return Err(BadPlace::Foreign);
        }
        url.query_pairs_mut().append_pair(&name, &value);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance() -> Url {
        Url::parse("https://firm.my.salesforce.com").unwrap()
    }

    fn given(mark: &str) -> Result<Url, BadPlace> {
        locate(&instance(), "66.0", &Place::Given(mark.to_owned()), &[])
    }

    #[test]
    fn mark_of_a_page_never_leads_away_from_the_instance() {
        for mark in [
            "https://evil.test/services/data/v66.0/query/01g-2000",
            "//evil.test/services/data/x",
            "/services/data/../../evil",
            "/services/data/v66.0/query/01g?x=1",
            "/services/data/v66.0/query/01g?q=SELECT",
            "/evil",
            "",
        ] {
            assert!(given(mark).is_err(), "`{mark}` was taken");
        }
        for mark in [
            "/services/data/v66.0/query/01gR0000000opRTIAY-2000",
            "/services/data/v66.0/jobs/query/750/results?locator=MTAwMDA",
        ] {
            assert_eq!(
                given(mark).unwrap().as_str(),
                format!("https://firm.my.salesforce.com{mark}")
            );
        }
        let bare = given("services/data/v60.0/jobs/ingest/750/batches").unwrap();
        assert_eq!(bare.path(), "/services/data/v60.0/jobs/ingest/750/batches");
    }

    #[test]
    fn value_in_a_path_is_escaped() {
        let segments = ["sobjects", "Case", "Ext__c", "a/b?c#d ü"].map(str::to_owned).to_vec();
        let url = locate(&instance(), "66.0", &Place::Data(segments), &[]).unwrap();
        assert_eq!(url.path(), "/services/data/v66.0/sobjects/Case/Ext__c/a%2Fb%3Fc%23d%20%C3%BC");
        assert_eq!(url.query(), None);
    }

    #[test]
    fn query_that_makes_too_long_an_address_says_so() {
        let query = [("q", "x".repeat(MAX_URL_BYTES))];
        let place = Place::Data(vec!["queryAll".to_owned()]);
        let error = locate(&instance(), "66.0", &place, &query).unwrap_err();
        assert!(error.to_string().contains("map fewer fields"), "{error}");
    }
}
