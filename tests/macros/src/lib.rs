//! The attribute `#[on_each_database]` of the integration tests.

use proc_macro::TokenStream;
use quote::quote;
use syn::{ItemFn, parse_macro_input};

/// Runs a test on every database, each time with its own store.
///
/// `async fn name(t: Taskwell)` becomes a module `name` with the tests `sqlite` and `postgres`.
/// `Taskwell` must be in scope.
#[proc_macro_attribute]
pub fn on_each_database(_: TokenStream, item: TokenStream) -> TokenStream {
    let ItemFn { attrs, sig, block, .. } = parse_macro_input!(item as ItemFn);
    let (name, inputs) = (&sig.ident, &sig.inputs);
    quote! {
        #(#attrs)*
        mod #name {
            use super::*;

            async fn check(#inputs) #block

            #[tokio::test]
            async fn sqlite() {
                check(Taskwell::on_sqlite()).await;
            }

            #[tokio::test]
            async fn postgres() {
                check(Taskwell::on_postgres().await).await;
            }
        }
    }
    .into()
}
