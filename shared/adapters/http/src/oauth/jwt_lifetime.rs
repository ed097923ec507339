//! How long a token is good by its own account.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

#[derive(Deserialize)]
struct Claims {
    iat: f64,
    exp: f64,
}

/// Reads how long a token is good from its own claims, `iat` and `exp`; the server alone proves them. By
/// the difference, clocks that differ do not matter.
pub fn lifetime_of_jwt(token: &str) -> Option<Duration> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let Claims { iat, exp } = serde_json::from_slice(&claims).ok()?;
    Duration::try_from_secs_f64(exp - iat).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_tells_how_long_it_is_good() {
        let token = |claims: &str| format!("x.{}.y", URL_SAFE_NO_PAD.encode(claims));
        let day = Some(Duration::from_secs(86_400));
        assert_eq!(lifetime_of_jwt(&token(r#"{"iat": 1796084916, "exp": 1796171316}"#)), day);
        for other in [
            token(r#"{"iat": 2, "exp": 1}"#),
            token(r#"{"exp": 1}"#),
            token(r#"{"iat": -1e308, "exp": 1e308}"#),
            token("no"),
            "opaque".to_owned(),
            String::new(),
        ] {
            assert_eq!(lifetime_of_jwt(&other), None, "{other}");
        }
    }
}
