//! A sender's token stands in the path that Salesforce calls, and nowhere else.

use std::process::Command;

use crate::moodbridge::{BINARY, Moodbridge, command, free_port};
use crate::place::Place;
use crate::soak;

/// Runs the process with all that it can log, in place of the two arguments that say otherwise.
const AT_LENGTH: &str = "shift 2; exec \"$0\" --log trace \"$@\"";

#[tokio::test]
async fn token_of_a_path_is_never_logged_however_much_is() {
    let place = Place::new().await;
    let port = free_port();
    soak::write_settings(&place, "moodbridge.toml", port);
    assert!(command(place.path(), &["db", "migrate"]).status.success());
    let mut at_length = Command::new("sh");
    at_length.args(["-c", AT_LENGTH, BINARY]);
    let mut moodbridge = Moodbridge::start_by(at_length, place.path(), port, &["serve"]).await;

    let hook = soak::hook(&moodbridge.url);
    for url in [hook.clone(), format!("{hook}/"), format!("{hook}?a=b")] {
        for body in ["[]", "{", r#"{"ChangeEventHeader":{}}"#] {
            let request = moodbridge.client.post(&url).header("content-type", "application/json");
            request.body(body).send().await.unwrap();
        }
        moodbridge.client.get(&url).send().await.unwrap();
    }
    assert_eq!(moodbridge.stop(), Some(0));

    let log = moodbridge.log();
    assert!(log.contains("refused a malformed webhook"), "{log}");
    let leaked: Vec<&str> = log.lines().filter(|it| it.contains(soak::TOKEN)).collect();
    assert!(leaked.is_empty(), "{leaked:?}");
}
