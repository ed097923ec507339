//! What a proved token says: whether it is for us, now, and who it stands for.

use std::time::Duration;

use serde_json::{Map, Value};
use shared::auth::{Principal, claim_at};
use shared::ids::PersonId;
use shared::time::Timestamp;

use crate::fault::TokenFault;
use crate::settings::ClaimRules;

/// The longest name shown of a person.
const MAX_NAME_CHARS: usize = 200;

/// Who a token stands for, and until when.
#[derive(Clone, Debug)]
pub(crate) struct Proof {
    pub(crate) principal: Principal,
    pub(crate) expires_at: Timestamp,
}

impl ClaimRules {
    /// Reads `claims`, whose signature was checked.
    pub(crate) fn read(
        &self,
        claims: &Map<String, Value>,
        now: Timestamp,
    ) -> Result<Proof, TokenFault> {
        if claim_text(claims, "iss")? != self.issuer {
            return Err(TokenFault::WrongIssuer);
        }
        self.check_audience(claims)?;
        let expires_at = self.check_times(claims, now)?;
        check_kind(claims)?;
        let principal = Principal {
            person: self.person(claims)?,
            name: name(claims),
            roles: self.roles.roles(claims),
            expires_at: Some(expires_at),
        };
        Ok(Proof { principal, expires_at })
    }

    /// A token without `aud` is taken when the client it was given to is the audience, as access
    /// tokens of Amazon Cognito are.
    fn check_audience(&self, claims: &Map<String, Value>) -> Result<(), TokenFault> {
        let is_ours = |value: &Value| {
            value.as_str().is_some_and(|it| self.audiences.iter().any(|ours| ours == it))
        };
        let found = match claims.get("aud") {
            Some(Value::Array(several)) => several.iter().any(is_ours),
            Some(one @ Value::String(_)) => is_ours(one),
            Some(_) => return Err(TokenFault::MalformedClaim("aud")),
            None => match claims.get("client_id").or_else(|| claims.get("azp")) {
                Some(client) => is_ours(client),
                None => return Err(TokenFault::MissingClaim("aud")),
            },
        };
        if found { Ok(()) } else { Err(TokenFault::WrongAudience) }
    }

    fn check_times(
        &self,
        claims: &Map<String, Value>,
        now: Timestamp,
    ) -> Result<Timestamp, TokenFault> {
        let expires_at = time(claims, "exp")?.ok_or(TokenFault::MissingClaim("exp"))?;
        let last = expires_at.plus(self.leeway);
        let soon = now.plus(self.leeway);
        if last <= now {
            return Err(TokenFault::Expired);
        }
        if time(claims, "nbf")?.is_some_and(|it| it > soon) {
            return Err(TokenFault::NotYet);
        }
        if time(claims, "iat")?.is_some_and(|it| it > soon) {
            return Err(TokenFault::IssuedInFuture);
        }
        Ok(last)
    }

    fn person(&self, claims: &Map<String, Value>) -> Result<PersonId, TokenFault> {
        let unusable = || TokenFault::UnusablePerson(self.person_claim.clone());
        let raw = claim_at(claims, &self.person_claim).and_then(Value::as_str);
        let person = PersonId::parse(raw.ok_or_else(unusable)?).map_err(|_| unusable())?;
        let is_denied = |it: &Value| !matches!(it, Value::Bool(true)) && it != "true";
        if self.person_claim == "email" && claims.get("email_verified").is_some_and(is_denied) {
            return Err(TokenFault::UnverifiedEmail);
        }
        Ok(person)
    }
}

/// Refuses tokens of the same issuer that are not meant to be shown to an API. Amazon Cognito says
/// so in `token_use`, Keycloak in the claim `typ`; a token with `cnf` needs its sender's key
/// (RFC 9449, section 7.2; RFC 8705, section 3).
fn check_kind(claims: &Map<String, Value>) -> Result<(), TokenFault> {
    let says = |claim: &str, kinds: &[&str]| {
        claims.get(claim).and_then(Value::as_str).is_some_and(|it| kinds.contains(&it))
    };
    if says("token_use", &["id"]) || says("typ", &["ID", "Refresh", "Offline", "Logout"]) {
        return Err(TokenFault::NotAnAccessToken);
    }
    if claims.contains_key("cnf") {
        return Err(TokenFault::SenderConstrained);
    }
    Ok(())
}

fn name(claims: &Map<String, Value>) -> Option<String> {
    let raw = ["name", "preferred_username"].iter().find_map(|it| claims.get(*it)?.as_str())?;
    let shown: String = raw.chars().filter(|it| !it.is_control()).take(MAX_NAME_CHARS).collect();
    (!shown.trim().is_empty()).then(|| shown.trim().to_owned())
}

fn claim_text<'a>(
    claims: &'a Map<String, Value>,
    name: &'static str,
) -> Result<&'a str, TokenFault> {
    match claims.get(name) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(TokenFault::MalformedClaim(name)),
        None => Err(TokenFault::MissingClaim(name)),
    }
}

/// Reads seconds since 1970, which may have a fraction (RFC 7519, section 2, `NumericDate`).
fn time(claims: &Map<String, Value>, name: &'static str) -> Result<Option<Timestamp>, TokenFault> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let seconds = value
        .as_f64()
        .filter(|it| (0.0..=MAX_SECONDS).contains(it))
        .ok_or(TokenFault::MalformedClaim(name))?;
    Ok(Some(Timestamp::EPOCH.plus(Duration::from_secs_f64(seconds))))
}

/// The end of the year 9999.
const MAX_SECONDS: f64 = 253_402_300_799.0;
