//! The columns of a noun, listed once for queries, for reading rows and for writing values.

/// Lists the columns of a table that are fields of a type, in the order of a row. Other fields
/// follow, each with its value.
///
/// The type gets `COLUMNS`, the names, and `FromRow`. With `writes` before its name it also gets
/// `params`, the values in the same order.
macro_rules! columns {
    (writes $type:ident { $($column:ident),* $(,)? } $($field:ident: $value:expr),*) => {
        $crate::db::columns!($type { $($column),* } $($field: $value),*);

        impl $type {
            fn params(&self) -> Vec<&dyn $crate::db::Param> {
                vec![$(&self.$column),*]
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
