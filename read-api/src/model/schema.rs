//! How types of the domain look in OpenAPI.

use domain::{
    policy::Role,
    task::values::{Priority, RelationType, Status, Transition, Visibility},
};
use utoipa::openapi::{
    Object, ObjectBuilder, RefOr, Schema,
    schema::{AdditionalProperties, ArrayBuilder, KnownFormat, OneOfBuilder, SchemaFormat, SchemaType, Type},
};

fn words(words: &'static [&'static str]) -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words.iter().copied())).build()
}

fn list(items: Object) -> Schema {
    Schema::Array(ArrayBuilder::new().items(items).build())
}

fn text(format: KnownFormat) -> Object {
    ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(format))).build()
}

pub(super) fn status() -> RefOr<Schema> {
    words(Status::WORDS).into()
}

pub(super) fn priority() -> RefOr<Schema> {
    words(Priority::WORDS).into()
}

pub(super) fn visibility() -> RefOr<Schema> {
    words(Visibility::WORDS).into()
}

pub(super) fn transitions() -> RefOr<Schema> {
    list(words(Transition::WORDS)).into()
}

pub(super) fn roles() -> RefOr<Schema> {
    list(words(Role::WORDS)).into()
}

/// `{"date"}`, `{"at", "zone"}`, or null.
pub(super) fn due() -> RefOr<Schema> {
    let day = closed().property("date", text(KnownFormat::Date)).required("date");
    let instant = closed()
        .property("at", text(KnownFormat::DateTime))
        .property("zone", ObjectBuilder::new().schema_type(Type::String))
        .required("at")
        .required("zone");
    Schema::OneOf(OneOfBuilder::new().item(day).item(instant).item(null()).build()).into()
}

/// `{"system", "id"}`, or null.
pub(super) fn external_ref() -> RefOr<Schema> {
    let named = closed()
        .property("system", ObjectBuilder::new().schema_type(Type::String))
        .property("id", ObjectBuilder::new().schema_type(Type::String))
        .required("system")
        .required("id");
    Schema::OneOf(OneOfBuilder::new().item(named).item(null()).build()).into()
}

pub(super) fn relations() -> RefOr<Schema> {
    let relation = closed()
        .property("type", words(RelationType::WORDS))
        .property("task", text(KnownFormat::Uuid))
        .required("type")
        .required("task")
        .build();
    list(relation).into()
}

/// Any JSON value.
pub(super) fn anything() -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(SchemaType::AnyValue).into()
}

fn closed() -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)))
}

fn null() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Null)
}
