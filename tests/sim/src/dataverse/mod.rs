//! Dataverse (Dynamics 365 Sales) as a connector sees it: its Web API, change tracking, limits and faults.
