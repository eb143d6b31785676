//! Routes with their documentation. Each route needs an operation of the OpenAPI document.

mod operation;

use axum::Router;
use axum::handler::Handler;
use axum::routing::{self, MethodRouter};
use serde_json::Value;
use taskwell_core::app::App;

pub use operation::{Doc, ErrorDoc, Schemas, id_schema, named};

/// Routes below one path, and their operations.
pub struct Api {
    pub router: Router<App>,
    pub operations: Vec<Operation>,
    pub schemas: Schemas,
    base: &'static str,
    tag: &'static str,
    errors: ErrorDoc,
}

/// One operation of the OpenAPI document.
pub struct Operation {
    pub path: String,
    pub method: &'static str,
    pub value: Value,
}

impl Api {
    pub fn new(base: &'static str, tag: &'static str, errors: ErrorDoc) -> Api {
        Api {
            router: Router::new(),
            operations: Vec::new(),
            schemas: Schemas::new(),
            base,
            tag,
            errors,
        }
    }

    /// Serves GET of `path`, which is relative to the base; empty for the base itself.
    #[must_use]
    pub fn get<H, T>(self, path: &str, handler: H, doc: Doc) -> Api
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.operation("get", path, routing::get(handler), doc)
    }

    #[must_use]
    pub fn post<H, T>(self, path: &str, handler: H, doc: Doc) -> Api
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.operation("post", path, routing::post(handler), doc)
    }

    #[must_use]
    pub fn put<H, T>(self, path: &str, handler: H, doc: Doc) -> Api
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.operation("put", path, routing::put(handler), doc)
    }

    #[must_use]
    pub fn patch<H, T>(self, path: &str, handler: H, doc: Doc) -> Api
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.operation("patch", path, routing::patch(handler), doc)
    }

    #[must_use]
    pub fn delete<H, T>(self, path: &str, handler: H, doc: Doc) -> Api
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.operation("delete", path, routing::delete(handler), doc)
    }

    /// `method` is the key of the operation in the OpenAPI document.
    fn operation(
        mut self,
        method: &'static str,
        path: &str,
        handler: MethodRouter<App>,
        doc: Doc,
    ) -> Api {
        let path = format!("{}{path}", self.base);
        let value = doc.finish(&path, self.tag, &self.errors, &mut self.schemas);
        self.router = self.router.route(&path, handler);
        self.operations.push(Operation { path, method, value });
        self
    }
}
