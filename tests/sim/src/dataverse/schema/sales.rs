//! Leads, opportunities and what belongs to them.

use super::columns::Words;
use super::{Kind, Table};

const LEAD: &[Words] = &[
    (0, "Open", &[(1, "New"), (2, "Contacted")]),
    (1, "Qualified", &[(3, "Qualified")]),
    (
        2,
        "Disqualified",
        &[
            (4, "Lost"),
            (5, "Cannot Contact"),
            (6, "No Longer Interested"),
            (7, "Canceled"),
        ],
    ),
];

const OPPORTUNITY: &[Words] = &[
    (0, "Open", &[(1, "In Progress"), (2, "On Hold")]),
    (1, "Won", &[(3, "Won")]),
    (2, "Lost", &[(4, "Canceled"), (5, "Out-Sold")]),
];

const TASK: &[Words] = &[
    (
        0,
        "Open",
        &[(2, "Not Started"), (3, "In Progress"), (7, "Deferred")],
    ),
    (1, "Completed", &[(5, "Completed")]),
    (2, "Canceled", &[(6, "Canceled")]),
];

const ACTIVE: &[Words] = &[
    (0, "Active", &[(1, "Active")]),
    (1, "Inactive", &[(2, "Inactive")]),
];

const OWNERS: &[&str] = &["systemuser", "team"];
const RATING: &[(i64, &str)] = &[(1, "Hot"), (2, "Warm"), (3, "Cold")];
const BILLION: f64 = 1e9;

pub(super) fn tables() -> Vec<Table> {
    vec![lead(), opportunity(), task(), account(), contact(), currency()]
}

fn lead() -> Table {
    let table = Table::new("lead", "leads", "Lead", "fullname").keyed("leadid");
    let table = lead_choices(address(people(table)))
        .text(300, &["subject"])
        .text(100, &["companyname", "jobtitle", "salutation"])
        .many(&["qualificationcomments"], &Kind::Memo(2000))
        .many(&["budgetamount", "estimatedamount"], &Kind::Money(0.0, 1e12))
        .many(&["estimatedvalue"], &Kind::Double(0.0, BILLION))
        .many(&["revenue"], &Kind::Money(0.0, 1e14))
        .many(&["estimatedclosedate"], &Kind::Date)
        .many(&["numberofemployees"], &Kind::Integer(0, 1_000_000))
        .many(&["msdyn_gdproptout", "donotsendmm"], &Kind::Boolean)
        .many(&["overriddencreatedon"], &Kind::Moment)
        .once("overriddencreatedon")
        .with_maker()
        .lookup("ownerid", OWNERS)
        .lookup("campaignid", &["campaign"])
        .lookup("parentaccountid", &["account"])
        .lookup("parentcontactid", &["contact"])
        .lookup("qualifyingopportunityid", &["opportunity"])
        .lookup("transactioncurrencyid", &["transactioncurrency"])
        .forked("customerid", &[&["account"], &["contact"]]);
    table.with_states(LEAD)
}

/// Name, mail and telephones, as leads and contacts have them.
fn people(table: Table) -> Table {
    table
        .text(50, &["firstname", "lastname", "middlename", "fax"])
        .text(100, &["emailaddress1", "emailaddress2", "emailaddress3"])
        .text(50, &["telephone1", "telephone2", "telephone3"])
        .text(20, &["mobilephone", "pager"])
        .text(200, &["websiteurl"])
        .read_only(&["fullname"], &Kind::Text(160))
        .many(&["description"], &Kind::Memo(2000))
        .many(
            &[
                "donotemail",
                "donotphone",
                "donotbulkemail",
                "donotpostalmail",
                "donotfax",
                "followemail",
            ],
            &Kind::Boolean,
        )
}

fn address(table: Table) -> Table {
    table
        .text(250, &["address1_line1", "address1_line2", "address1_line3"])
        .text(80, &["address1_city", "address1_country"])
        .text(50, &["address1_stateorprovince"])
        .text(20, &["address1_postalcode"])
}

fn lead_choices(table: Table) -> Table {
    let sources = [
        "Advertisement",
        "Employee Referral",
        "External Referral",
        "Partner",
        "Public Relations",
        "Seminar",
        "Trade Show",
        "Web",
        "Word of Mouth",
        "Other",
    ];
    let sources: Vec<(i64, &str)> = (1..).zip(sources).collect();
    let industries: Vec<(i64, String)> = (1..=33).map(|code| (code, format!("Industry {code}"))).collect();
    table
        .choice("leadsourcecode", &sources)
        .choice("leadqualitycode", RATING)
        .many(&["industrycode"], &Kind::Choice(industries))
        .choice(
            "preferredcontactmethodcode",
            &[(1, "Any"), (2, "Email"), (3, "Phone"), (4, "Fax"), (5, "Mail")],
        )
        .choice(
            "purchasetimeframe",
            &[
                (0, "Immediate"),
                (1, "This Quarter"),
                (2, "Next Quarter"),
                (3, "This Year"),
                (4, "Unknown"),
            ],
        )
}

fn opportunity() -> Table {
    Table::new("opportunity", "opportunities", "Opportunity", "name")
        .keyed("opportunityid")
        .text(300, &["name"])
        .text(200, &["stepname"])
        .many(&["description"], &Kind::Memo(2000))
        .many(&["estimatedvalue", "actualvalue"], &Kind::Money(-1e12, 1e12))
        .many(&["estimatedclosedate", "actualclosedate"], &Kind::Date)
        .many(&["closeprobability"], &Kind::Integer(0, 100))
        .choice("opportunityratingcode", RATING)
        .choice(
            "salesstage",
            &[(0, "Qualify"), (1, "Develop"), (2, "Propose"), (3, "Close")],
        )
        .lookup("originatingleadid", &["lead"])
        .once("originatingleadid")
        .with_maker()
        .lookup("ownerid", OWNERS)
        .lookup("parentaccountid", &["account"])
        .lookup("parentcontactid", &["contact"])
        .lookup("campaignid", &["campaign"])
        .lookup("transactioncurrencyid", &["transactioncurrency"])
        .forked("customerid", &[&["account"], &["contact"]])
        .with_states(OPPORTUNITY)
}

fn task() -> Table {
    Table::new("task", "tasks", "Task", "subject")
        .keyed("activityid")
        .text(200, &["subject"])
        .many(&["description"], &Kind::Memo(2000))
        .many(&["scheduledend", "actualend"], &Kind::Moment)
        .lookup("ownerid", OWNERS)
        .forked(
            "regardingobjectid",
            &[&["lead"], &["opportunity"], &["account"], &["contact"]],
        )
        .with_states(TASK)
        .untracked()
}

fn account() -> Table {
    address(Table::new("account", "accounts", "Account", "name").keyed("accountid"))
        .text(160, &["name"])
        .text(100, &["emailaddress1"])
        .text(50, &["telephone1"])
        .text(200, &["websiteurl"])
        .many(&["description"], &Kind::Memo(2000))
        .lookup("ownerid", OWNERS)
        .lookup("originatingleadid", &["lead"])
        .lookup("primarycontactid", &["contact"])
        .with_states(ACTIVE)
}

fn contact() -> Table {
    address(people(
        Table::new("contact", "contacts", "Contact", "fullname").keyed("contactid"),
    ))
    .text(100, &["jobtitle"])
    .lookup("ownerid", OWNERS)
    .lookup("originatingleadid", &["lead"])
    .forked("parentcustomerid", &[&["account"], &["contact"]])
    .with_states(ACTIVE)
}

fn currency() -> Table {
    Table::new(
        "transactioncurrency",
        "transactioncurrencies",
        "TransactionCurrency",
        "currencyname",
    )
    .keyed("transactioncurrencyid")
    .text(100, &["currencyname"])
    .text(5, &["isocurrencycode"])
    .text(13, &["currencysymbol"])
    .many(&["exchangerate"], &Kind::Double(0.0, 1e11))
    .with_states(ACTIVE)
    .untracked()
}
