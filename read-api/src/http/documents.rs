//! `GET /v1/openapi.json`, `/v1/asyncapi.json`, `/v1/schemas/{type}`, `/docs`

use axum::{
    Router,
    extract::Path,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use service::problem::{Code, Problem, ProblemDocument};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Components, ComponentsBuilder, ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, OpenApiVersion,
        PathItem, Ref, RefOr, Required, Response as ResponseDoc, ResponseBuilder, Schema,
        path::Operation,
        request_body::RequestBody,
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};
use utoipa_swagger_ui::{Config, SwaggerUi};

/// Both services in one document, written by a test and compared by it ever after.
const OPENAPI: &str = include_str!("../../../docs/openapi.json");
/// Every way on which events leave, written by a test too.
const ASYNCAPI: &str = include_str!("../../../docs/asyncapi.json");
/// What stands in `docs/schemas`, by name; sorted.
const SCHEMAS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/schemas.rs"));

/// The API as OpenAPI 3.1.
#[utoipa::path(
    get, path = "/v1/openapi.json", tag = "documents", operation_id = "get_openapi",
    responses((status = 200, description = "OpenAPI 3.1")),
    extensions(("x-policy" = json!("public"))),
)]
pub(super) async fn openapi_json() -> Response {
    document("application/json", OPENAPI)
}

/// Every way on which events leave, as AsyncAPI 3: NATS, streams over HTTP, webhooks.
#[utoipa::path(
    get, path = "/v1/asyncapi.json", tag = "documents", operation_id = "get_asyncapi",
    responses((status = 200, description = "AsyncAPI 3")),
    extensions(("x-policy" = json!("public"))),
)]
pub(super) async fn asyncapi_json() -> Response {
    document("application/json", ASYNCAPI)
}

/// The JSON Schema of the `data` of events of one type and version. Its `$id` is their `dataschema`.
#[utoipa::path(
    get, path = "/v1/schemas/{type}", tag = "documents", operation_id = "get_schema",
    params(("type" = String, Path,
        description = "The `type` of an event, `task.assigned.v1`; with `.json` behind it, if you like")),
    responses((status = 200, description = "JSON Schema 2020-12", content_type = "application/schema+json")),
    extensions(("x-policy" = json!("public"))),
)]
pub(super) async fn schema(Path(name): Path<String>) -> Result<Response, Problem> {
    let name = name.strip_suffix(".json").unwrap_or(&name);
    let found = SCHEMAS.binary_search_by_key(&name, |(known, _)| *known).map_err(|_| Code::NotFound)?;
    Ok(document("application/schema+json", SCHEMAS[found].1))
}

fn document(media_type: &'static str, text: &'static str) -> Response {
    let media_type = HeaderValue::from_static(media_type);
    let cache = HeaderValue::from_static("public, max-age=300");
    ([(header::CONTENT_TYPE, media_type), (header::CACHE_CONTROL, cache)], text).into_response()
}

/// `/docs`: the document to read and to try, without any network.
pub(super) fn pages() -> Router {
    SwaggerUi::new("/docs").config(Config::from("/v1/openapi.json").persist_authorization(true)).into()
}

/// The document of the whole product, made from the documents of its services.
pub fn merged(parts: impl IntoIterator<Item = OpenApi>) -> OpenApi {
    let info = InfoBuilder::new().title("Taskledger").version("1").description(Some(
        "Tasks whose every change is kept. Commands answer with their position; reads take it as `min_position`.",
    ));
    let mut document = OpenApiBuilder::new().info(info).components(Some(components())).build();
    for part in parts {
        document.merge(part);
    }
    document.openapi = OpenApiVersion::Version31;
    document.paths.paths.values_mut().flat_map(operations).for_each(complete);
    let components = document.components.take().unwrap_or_default();
    for operation in document.paths.paths.values_mut().flat_map(operations) {
        if let Some(RefOr::T(body)) = &mut operation.request_body
            && may_be_left_away(body, &components)
        {
            body.required = Some(Required::False);
        }
    }
    document.components = Some(components);
    document
}

/// An object in which nothing is needed need not be sent.
fn may_be_left_away(body: &RequestBody, components: &Components) -> bool {
    let Some(RefOr::T(json)) = body.content.get("application/json") else { return false };
    let Some(RefOr::Ref(schema)) = &json.schema else { return false };
    let name = schema.ref_location.rsplit('/').next().unwrap_or_default();
    matches!(components.schemas.get(name), Some(RefOr::T(Schema::Object(object))) if object.required.is_empty())
}

fn operations(path: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut path.get, &mut path.put, &mut path.post, &mut path.patch, &mut path.delete]
        .into_iter()
        .filter_map(Option::as_mut)
}

/// Every operation may be refused, and asks for a token unless it is public.
fn complete(operation: &mut Operation) {
    let refusal = RefOr::Ref(Ref::from_response_name("Problem"));
    operation.responses.responses.insert("default".to_owned(), refusal);
    let policy = operation.extensions.as_ref().and_then(|extensions| extensions.get("x-policy"));
    let public = policy.is_some_and(|policy| policy == "public");
    if !public && operation.security.is_none() {
        operation.security = Some(vec![SecurityRequirement::new("token", Vec::<String>::new())]);
    }
}

fn components() -> Components {
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    let mut schemas = vec![(ProblemDocument::name().into_owned(), ProblemDocument::schema())];
    ProblemDocument::schemas(&mut schemas);
    ComponentsBuilder::new()
        .security_scheme("token", SecurityScheme::Http(token))
        .response("Problem", refusal())
        .schemas_from_iter(schemas)
        .build()
}

fn refusal() -> ResponseDoc {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new()
        .description("Refused: `code` says why, `errors` where")
        .content("application/problem+json", content)
        .build()
}
