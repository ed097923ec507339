//! The place between the SDK and the network.

use aws_config::SdkConfig;
use aws_sdk_sqs::config::{ConfigBag, RuntimeComponents};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Builder, ConnectorBuilder};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;

use super::attempt;
use super::book::CallGuard;

/// Returns `config` with every request of its clients watched by `guard`.
pub(crate) fn guarded(config: &SdkConfig, guard: &CallGuard) -> SdkConfig {
    let inner = config.http_client().unwrap_or_else(https);
    let client = SharedHttpClient::new(GuardedClient { inner, guard: guard.clone() });
    config.to_builder().http_client(client).build()
}

/// The client that the SDK itself would make.
fn https() -> SharedHttpClient {
    Builder::new().build_with_connector_fn(|settings, components| {
        let provider = Provider::Rustls(CryptoMode::AwsLc);
        let mut connector = ConnectorBuilder::default().tls_provider(provider);
        connector.set_connector_settings(settings.cloned());
        if let Some(components) = components {
            connector.set_sleep_impl(components.sleep_impl());
        }
        connector.set_proxy_config(Some(ProxyConfig::from_env()));
        connector.build()
    })
}

#[derive(Debug)]
struct GuardedClient {
    inner: SharedHttpClient,
    guard: CallGuard,
}

impl HttpClient for GuardedClient {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(GuardedConnector { inner, guard: self.guard.clone() })
    }

    fn validate_base_client_config(
        &self,
        components: &RuntimeComponentsBuilder,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.inner.validate_base_client_config(components, config)
    }

    fn validate_final_config(
        &self,
        components: &RuntimeComponents,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.inner.validate_final_config(components, config)
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.inner.connector_metadata()
    }
}

#[derive(Debug)]
struct GuardedConnector {
    inner: SharedHttpConnector,
    guard: CallGuard,
}

impl HttpConnector for GuardedConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (inner, guard) = (self.inner.clone(), self.guard.clone());
        HttpConnectorFuture::new(attempt::send(inner, guard, request))
    }
}
