//! The columns of a noun, listed once for queries, for reading rows and for writing values.

/// Lists the columns of a table that are fields of a type, in the order of a row. Other fields
/// follow, each with its value.
///
/// The type gets `COLUMNS`, the names, and `FromRow`. With `writes` before its name it also gets
/// `params`, the values in the same order, and is written to and read from the members of an
/// object.
macro_rules! columns {
    (writes $type:ident { $($column:ident),* $(,)? } $($field:ident: $value:expr),*) => {
        $crate::db::columns!($type { $($column),* } $($field: $value),*);

        impl $type {
            fn params(&self) -> Vec<&dyn $crate::db::Param> {
                vec![$(&self.$column),*]
            }

            /// Serializes the columns whose names `is_wanted` accepts as members of an object.
            pub(super) fn serialize_columns<S: serde::Serializer>(
                &self,
                is_wanted: impl Fn(&str) -> bool,
                serializer: S,
            ) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap as _;
                let mut members = serializer.serialize_map(None)?;
                $(if is_wanted(stringify!($column)) {
                    members.serialize_entry(stringify!($column), &self.$column)?;
                })*
                members.end()
            }

            /// Sets each column that is a valid member of an object.
            pub(super) fn set_columns(
                &mut self,
                members: &serde_json::Map<String, serde_json::Value>,
            ) {
                use serde::Deserialize as _;
                $(if let Some(Ok(value)) =
                    members.get(stringify!($column)).map(|member| <_>::deserialize(member))
                {
                    self.$column = value;
                })*
            }
        }
    };
    ($type:ident { $($column:ident),* $(,)? } $($field:ident: $value:expr),*) => {
        impl $type {
            pub(crate) const COLUMNS: &'static [&'static str] = &[$(stringify!($column)),*];
        }

        impl $crate::db::FromRow for $type {
            fn from_row(row: &$crate::db::Row) -> $crate::error::Result<$type> {
                let mut at = 0..;
                // The fields of a struct are evaluated in the order in which they are written.
                Ok($type {
                    $($column: row.get(at.next().unwrap_or_default())?,)*
                    $($field: $value,)*
                })
            }
        }
    };
}
pub(crate) use columns;
