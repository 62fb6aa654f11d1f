//! `MySQL`, a source of tables: its id and auths from Adobe's "Connect `MySQL` to Experience Platform using the Flow Service
//! API", its parameters from "Create a dataflow for database sources". No document prints its whole connection spec: the
//! names beside the id, and which parameters are required, follow those of "Create a draft" (Azure File Storage). Also a
//! database that explore looks into; nobody in it lives.

use super::flow_specs::CRM;
use super::parts::{Auth, Column, Contents, Param, Rows, Source, Table, Type};

pub(super) const MYSQL: Source = Source {
    id: "26d738e0-8963-47ea-aadf-c60de735468a",
    name: "mysql",
    provider: super::ADOBE,
    category: "Databases",
    flow_spec: CRM,
    auths: &[
        Auth {
            name: "Connection String Based Authentication",
            kind: "connectionStringAuth",
            params: &[Param::text("connectionString", "The connection string of the account")
                .required()
                .secret()],
        },
        Auth {
            name: "Basic Authentication",
            kind: "basicAuthentication",
            params: &[
                Param::text("server", "The name or IP of the database").required(),
                Param::text("port", "The port of the database"),
                Param::text("database", "The name of the database").required(),
                Param::text("username", "The user of the database").required(),
                Param::text("password", "The password of the user").required().secret(),
                Param::text("sslMode", "How data is encrypted on its way"),
            ],
        },
    ],
    spec_type: Some("TableBased"),
    params: &[
        Param::text("tableName", "The path of the table").required(),
        Param::text("columns", "The columns to read, as explore shows them").of("array"),
    ],
    formats: &["tabular"],
    explore_type: "TableBased",
    object_types: &["root", "table"],
    contents: Contents::Tables(&[
        Table { path: "shop.customers", rows: &CUSTOMERS },
        Table { path: "shop.orders", rows: &ORDERS },
    ]),
};

const CUSTOMERS: Rows = Rows {
    columns: &[
        Column("customer_id", Type::Integer),
        Column("first_name", Type::Text),
        Column("last_name", Type::Text),
        Column("email", Type::Text),
        Column("phone", Type::Text),
        Column("birth_date", Type::Time),
        Column("city", Type::Text),
        Column("country", Type::Text),
        Column("loyalty_points", Type::Integer),
        Column("lifetime_value", Type::Number),
        Column("newsletter", Type::Flag),
        Column("created_at", Type::Time),
        Column("updated_at", Type::Time),
    ],
    cells: &[
        &[
            "1001",
            "Ada",
            "Example",
            "ada@example.com",
            "+49 30 555 0101",
            "1984-02-29T00:00:00",
            "Berlin",
            "DE",
            "1250",
            "4310.75",
            "true",
            "2021-03-04T09:15:00",
            "2024-11-02T08:00:12",
        ],
        &[
            "1002",
            "Bo",
            "Sample",
            "bo@example.com",
            "",
            "1990-07-15T00:00:00",
            "Malmö",
            "SE",
            "0",
            "89.9",
            "false",
            "2022-12-31T23:59:59",
            "2024-10-30T17:45:00",
        ],
        &[
            "1003",
            "Chi",
            "Placeholder",
            "chi@example.com",
            "+1 212 555 0199",
            "",
            "New York",
            "US",
            "310",
            "0",
            "true",
            "2023-06-01T00:00:00",
            "2024-11-03T03:30:30",
        ],
    ],
};

const ORDERS: Rows = Rows {
    columns: &[
        Column("order_id", Type::Text),
        Column("customer_id", Type::Integer),
        Column("status", Type::Text),
        Column("items", Type::Integer),
        Column("total", Type::Number),
        Column("currency", Type::Text),
        Column("gift", Type::Flag),
        Column("ordered_at", Type::Time),
        Column("shipped_at", Type::Time),
        Column("updated_at", Type::Time),
    ],
    cells: &[
        &[
            "O-24-0001",
            "1001",
            "shipped",
            "3",
            "129.5",
            "EUR",
            "false",
            "2024-10-28T10:00:00",
            "2024-10-29T06:30:00",
            "2024-10-29T06:30:00",
        ],
        &[
            "O-24-0002",
            "1003",
            "open",
            "1",
            "19",
            "USD",
            "true",
            "2024-11-03T03:30:30",
            "",
            "2024-11-03T03:30:30",
        ],
    ],
};
