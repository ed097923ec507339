//! The example function under a Functions host and a Lambda runtime API, as a process of its own.

#[cfg(test)]
mod echo;
#[cfg(test)]
#[path = "../../../../tests/support/functions_host.rs"]
mod functions_host;
#[cfg(test)]
#[path = "../../../../tests/support/http_client.rs"]
mod http_client;
#[cfg(test)]
#[path = "../../../../tests/support/lambda_api.rs"]
mod lambda_api;
