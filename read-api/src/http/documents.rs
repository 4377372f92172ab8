//! `GET /v1/openapi.json`, `/docs`

use axum::{
    Router,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use service::problem::ProblemDocument;
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
const DOCUMENT: &str = include_str!("../../../docs/openapi.json");

/// The API as OpenAPI 3.1.
#[utoipa::path(
    get, path = "/v1/openapi.json", tag = "documents", operation_id = "get_openapi",
    responses((status = 200, description = "OpenAPI 3.1")),
    extensions(("x-policy" = json!("public"))),
)]
pub(super) async fn openapi_json() -> Response {
    let json = HeaderValue::from_static("application/json");
    let cache = HeaderValue::from_static("public, max-age=300");
    ([(header::CONTENT_TYPE, json), (header::CACHE_CONTROL, cache)], DOCUMENT).into_response()
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
