//! Amazon S3, a source of files: its id and auths from Adobe's "Connect Amazon S3 to Experience Platform using the Flow
//! Service API", its parameters from "Create a dataflow for cloud storage sources"; the rest of its connection spec as
//! "Create a draft" prints that of another cloud storage (Azure File Storage). Also a bucket that explore looks into;
//! nobody in it lives.

use super::flow_specs::CLOUD_STORAGE;
use super::parts::{Auth, Column, Contents, File, Param, Rows, Source, Type};

pub(super) const AMAZON_S3: Source = Source {
    id: "ecadc60c-7455-4d87-84dc-2a0e293d997b",
    name: "amazon-s3",
    provider: super::ADOBE,
    category: "Cloud Storage",
    flow_spec: CLOUD_STORAGE,
    auths: &[
        Auth {
            name: "Access Key",
            kind: "KeyBased",
            params: &[
                Param::text("s3AccessKey", "Access key id").required(),
                Param::text("s3SecretKey", "Secret access key for the user account").required().secret(),
                Param::text("s3SessionToken", "Temporary token").secret(),
                Param::text("serviceUrl", "The endpoint of a bucket that is bound to a region"),
                Param::text("bucketName", "The bucket"),
                Param::text("folderPath", "The folder that the user is restricted to"),
            ],
        },
        Auth {
            name: "IAMRole Based",
            kind: "IamBasedAuthentication",
            params: &[Param::text("bucketName", "The bucket").required()],
        },
    ],
    spec_type: Some("CloudStorage"),
    params: &[
        Param::text(
            "path",
            "input path for copying files, can be a folder path, file path or a wildcard pattern",
        )
        .required(),
        Param::text("type", "whether the path is that of a file or of a folder").one_of(&["file", "folder"]),
        Param::text(
            "recursive",
            "indicates recursive copy in case of folder or wild card path, default is false",
        )
        .of("boolean"),
    ],
    formats: &["delimited", "json", "parquet"],
    explore_type: "FileSystem",
    object_types: &["root", "folder", "file"],
    contents: Contents::Files(&[
        File {
            path: "/acme/customers/customers.csv",
            format: "delimited",
            delimiter: ',',
            compression: "",
            rows: &CUSTOMERS,
        },
        File {
            path: "/acme/customers/customers.tsv",
            format: "delimited",
            delimiter: '\t',
            compression: "",
            rows: &CUSTOMERS,
        },
        File {
            path: "/acme/customers/archive/customers-2023.csv.gz",
            format: "delimited",
            delimiter: ',',
            compression: "gzip",
            rows: &CUSTOMERS,
        },
        File {
            path: "/acme/events/visits.json",
            format: "json",
            delimiter: ',',
            compression: "",
            rows: &VISITS,
        },
        File {
            path: "/acme/stock.parquet",
            format: "parquet",
            delimiter: ',',
            compression: "",
            rows: &STOCK,
        },
    ]),
};

/// Text does not say what it means: every column of a delimited file is a string.
const CUSTOMERS: Rows = Rows {
    columns: &[
        Column("Id", Type::Text),
        Column("FirstName", Type::Text),
        Column("LastName", Type::Text),
        Column("Email", Type::Text),
        Column("Phone", Type::Text),
        Column("City", Type::Text),
        Column("Country", Type::Text),
        Column("BirthDate", Type::Text),
        Column("LoyaltyPoints", Type::Text),
        Column("LifetimeValue", Type::Text),
        Column("Newsletter", Type::Text),
        Column("UpdatedAt", Type::Text),
    ],
    cells: &[
        &[
            "2001",
            "Dee",
            "Example",
            "dee@example.com",
            "+44 20 5550 0102",
            "Leeds",
            "GB",
            "1979-11-05",
            "80",
            "310.20",
            "true",
            "2024-11-01T12:00:00Z",
        ],
        &[
            "2002",
            "Eli",
            "Sample",
            "eli@example.com",
            "+33 1 55 50 01 03",
            "Lyon",
            "FR",
            "2001-01-31",
            "0",
            "15",
            "false",
            "2024-11-02T18:20:05Z",
        ],
    ],
};

const VISITS: Rows = Rows {
    columns: &[
        Column("_id", Type::Text),
        Column("timestamp", Type::Time),
        Column("visitor.email", Type::Text),
        Column("visitor.returning", Type::Flag),
        Column("visitor.visits", Type::Integer),
        Column("visitor.address.city", Type::Text),
        Column("visitor.address.postalCode", Type::Text),
        Column("page.name", Type::Text),
        Column("page.url", Type::Text),
        Column("page.seconds", Type::Number),
        Column("cart.items", Type::Integer),
        Column("cart.total", Type::Number),
    ],
    cells: &[&[
        "v-1",
        "2024-11-02T08:00:12Z",
        "fay@example.com",
        "true",
        "7",
        "Graz",
        "8010",
        "Home",
        "https://www.example.com/",
        "42.5",
        "2",
        "59.98",
    ]],
};

const STOCK: Rows = Rows {
    columns: &[
        Column("sku", Type::Text),
        Column("title", Type::Text),
        Column("price", Type::Number),
        Column("on_hand", Type::Integer),
        Column("discontinued", Type::Flag),
        Column("counted_at", Type::Time),
    ],
    cells: &[
        &["S-100", "Lamp", "24.9", "118", "false", "2024-11-01T00:00:00"],
        &["S-101", "Desk", "219", "0", "true", "2024-11-01T00:00:00"],
    ],
};
