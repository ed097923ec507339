//! The function binaries, unchanged, under a Functions host, a Lambda runtime API and `cargo lambda`.

#[cfg(test)]
mod account;
#[cfg(test)]
mod api;
#[cfg(test)]
mod azure;
#[cfg(test)]
mod binaries;
#[cfg(test)]
mod cargo_lambda;
#[cfg(test)]
mod deploy;
#[cfg(test)]
#[path = "../support/functions_host.rs"]
mod functions_host;
#[cfg(test)]
#[path = "../support/http_client.rs"]
mod http_client;
#[cfg(test)]
#[path = "../support/identity_provider.rs"]
mod identity_provider;
#[cfg(test)]
mod lambda;
#[cfg(test)]
#[path = "../support/lambda_api.rs"]
mod lambda_api;
#[cfg(test)]
mod logs;
