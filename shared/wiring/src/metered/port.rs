//! Writes the wrapper of a port: each method handed on, counted and timed.

/// Declares `$make`, which puts the wrapper `$wrapper` around an `Arc<dyn $port>`. A method of the
/// port that is not named does not compile.
macro_rules! metered {
    ($make:ident, $wrapper:ident, $port:ident, $label:literal, {
        $(async fn $method:ident($($arg:ident: $ty:ty),* $(,)?) -> $ok:ty;)*
        $(plain fn $plain:ident($($plain_arg:ident: $plain_arg_ty:ty),*) -> $plain_ty:ty;)*
    }) => {
        struct $wrapper {
            inner: std::sync::Arc<dyn $port>,
            $($method: $crate::metered::method::Method,)*
        }

        #[doc = concat!("Counts and times each call of `", $label, "`.")]
        pub(crate) fn $make(inner: std::sync::Arc<dyn $port>) -> std::sync::Arc<dyn $port> {
            std::sync::Arc::new($wrapper {
                inner,
                $($method: $crate::metered::method::Method::new(
                    $label,
                    stringify!($method),
                    concat!($label, ".", stringify!($method)),
                ),)*
            })
        }

        #[async_trait::async_trait]
        #[deny(clippy::missing_trait_methods)]
        impl $port for $wrapper {
            $(async fn $method(&self, $($arg: $ty),*) -> Result<$ok, shared::PortError> {
                self.$method.watch(self.inner.$method($($arg),*)).await
            })*

            $(fn $plain(&self, $($plain_arg: $plain_arg_ty),*) -> $plain_ty {
                self.inner.$plain($($plain_arg),*)
            })*
        }
    };
}

pub(crate) use metered;
