"""The part of W&B's GraphQL schema that the recorder answers; whatever is not here is a GraphQL error that names it.

Field and argument names are those that the client's own queries use (wandb 0.31, ``wandb/apis/public``, and the
queries inside ``wandb-core``), and those of older clients back to 0.17. Artifacts are in
:mod:`windtunnel.recorder.artifact_schema`. Left out on purpose: sweeps, reports, registries, launch, rewinds.
"""

from __future__ import annotations

import re

from graphql import (
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    build_schema,
)

from windtunnel.recorder.artifact_schema import ARTIFACT_DEFINITION

DEFINITION = '''
"""Text that is itself JSON."""
scalar JSONString
"""Any JSON value."""
scalar JSON
scalar DateTime
scalar Int64

type Query {
  viewer: User
  serverInfo: ServerInfo
  entity(name: String!): Entity
  project(name: String, entityName: String): Project
  "The older name of a project."
  model(name: String, entityName: String): Project
  models(entityName: String, after: String, first: Int = 50): ProjectConnection
  organization(name: String!): Organization
}

type Mutation {
  upsertBucket(input: UpsertBucketInput!): UpsertBucketPayload
  createRunFiles(input: CreateRunFilesInput!): CreateRunFilesPayload
  markRunFilesUploaded(input: MarkRunFilesUploadedInput!): SuccessPayload
  deleteFiles(input: DeleteFilesInput!): SuccessPayload
  deleteRun(input: DeleteRunInput!): DeleteRunPayload
  updateRunState(input: UpdateRunStateInput!): SuccessPayload
  stopRun(input: StopRunInput!): StopRunPayload
  upsertModel(input: UpsertModelInput!): UpsertModelPayload
  notifyScriptableRunAlert(input: NotifyScriptableRunAlertInput!): SuccessPayload
  createCustomChart(input: CreateCustomChartInput!): CreateCustomChartPayload
}

type PageInfo { endCursor: String hasNextPage: Boolean! }

type User {
  id: ID! name: String username: String email: String admin: Boolean flags: JSONString entity: String
  deletedAt: DateTime organizations: [Organization!] apiKeys: ApiKeyConnection teams: EntityConnection
}
type ApiKey { id: ID! name: String description: String }
type ApiKeyConnection { edges: [ApiKeyEdge!]! }
type ApiKeyEdge { node: ApiKey }
type EntityConnection { edges: [EntityEdge!]! }
type EntityEdge { node: Entity }
type Entity { id: ID! name: String! entityType: String organization: Organization user: User
  xxhashDigestsEnabled: Boolean }
type Organization { id: ID! name: String coreWeaveOrganizationId: String orgEntity: Entity
  featureFlags(rampIDType: RampIDType!): [FeatureFlag!] }
enum RampIDType { OrgName }
type FeatureFlag { rampKey: String! isEnabled: Boolean! }

type ServerInfo {
  features: [ServerFeature!]! cliVersionInfo: JSON latestLocalVersionInfo: LocalVersionInfo
}
type ServerFeature { name: String! isEnabled: Boolean! }
type LocalVersionInfo {
  outOfDate: Boolean latestVersionString: String versionOnThisInstanceString: String
}

type Project {
  id: ID! internalId: ID name: String! entityName: String! description: String createdAt: DateTime
  isBenchmark: Boolean readOnly: Boolean access: String views: JSONString repo: String
  dockerImage: String user: User entity: Entity!
  runCount(filters: JSONString): Int!
  runs(filters: JSONString, order: String, after: String, first: Int = 50): RunConnection
  run(name: String!, desc: String): Run
  "The older name of a run."
  bucket(name: String!, desc: String, missingOk: Boolean = false): Run
}
type ProjectConnection { edges: [ProjectEdge!]! pageInfo: PageInfo! }
type ProjectEdge { node: Project cursor: String }

type Run {
  id: ID! projectId: ID name: String! displayName: String state: String! stopped: Boolean
  description: String notes: String tags: [String!]! group: String jobType: String commit: String host: String
  sweepName: String readOnly: Boolean createdAt: DateTime heartbeatAt: DateTime
  config: JSONString! wandbConfig(keys: [String!]): JSONString summaryMetrics: JSONString! systemMetrics: JSONString
  project: Project! user: User
  historyLineCount: Int! eventsLineCount: Int! logLineCount: Int!
  historyTail: JSONString eventsTail: JSONString historyKeys: JSON
  history(samples: Int, minStep: Int64, maxStep: Int64): [String!]!
  events(samples: Int): [String!]!
  sampledHistory(specs: [JSONString!]!): [JSON]!
  parquetHistory(liveKeys: [String!]!): ParquetHistory
  logLines(first: Int, last: Int, after: String, useImprovedPagination: Boolean): LogLineConnection
  fileCount: Int!
  files(names: [String], pattern: String, after: String, first: Int = 50): FileConnection
}
type RunConnection { edges: [RunEdge!]! pageInfo: PageInfo! totalCount: Int! }
type RunEdge { node: Run! cursor: String! }
type ParquetHistory { parquetUrls: [String!]! liveData: [JSON]! }
type LogLineConnection { edges: [LogLineEdge!]! pageInfo: PageInfo! }
type LogLineEdge { node: LogLine! cursor: String! }
type LogLine { number: Int! timestamp: String level: String! label: String line: String! }
type FileConnection { edges: [FileEdge!]! pageInfo: PageInfo! uploadHeaders: [String!] }
type FileEdge { node: File! cursor: String! }
type File {
  id: ID! name: String! url(upload: Boolean = false): String! directUrl: String sizeBytes: Int64! mimetype: String
  updatedAt: DateTime md5: String uploadUrl: String
}

input UpsertBucketInput {
  id: String name: String modelName: String entityName: String groupName: String description: String
  displayName: String notes: String commit: String config: JSONString host: String debug: Boolean
  jobProgram: String jobRepo: String jobType: String state: String sweep: String tags: [String!]
  summaryMetrics: JSONString clientMutationId: String
}
type UpsertBucketPayload { bucket: Run inserted: Boolean serverSettings: ServerSettings! }
type ServerSettings { serverMessages: [ServerMessage!]! }
type ServerMessage { utfText: String plainText: String htmlText: String messageType: String messageLevel: String }
input CreateRunFilesInput { entityName: String projectName: String! runName: String! files: [String!]! }
type CreateRunFilesPayload { runID: ID! uploadHeaders: [String!]! files: [File!]! }
input MarkRunFilesUploadedInput {
  entityName: String! projectName: String! runName: String! files: [String!]!
}
input DeleteFilesInput { files: [ID!]! projectId: Int }
input DeleteRunInput { id: ID! deleteArtifacts: Boolean }
type DeleteRunPayload { success: Boolean clientMutationId: String }
input UpdateRunStateInput { id: ID! state: String! clientMutationId: String }
input StopRunInput { id: ID! clientMutationId: String }
type StopRunPayload { success: Boolean clientMutationId: String }
input UpsertModelInput {
  id: String name: String entityName: String description: String access: String views: JSONString framework: String
  repo: String isBenchmark: Boolean dockerImage: String clientMutationId: String
}
type UpsertModelPayload { project: Project model: Project inserted: Boolean }
enum AlertSeverity { INFO WARN ERROR }
"Nanoseconds."
scalar Duration
input NotifyScriptableRunAlertInput {
  entityName: String! projectName: String! runName: String! title: String! text: String! severity: AlertSeverity = INFO
  waitDuration: Duration
}
input CreateCustomChartInput {
  entity: String! name: String! displayName: String! type: String! access: String! spec: JSONString!
}
type CreateCustomChartPayload { chart: CustomChart! }
type CustomChart { id: ID! }
type SuccessPayload { success: Boolean }
'''


def recorder_schema() -> GraphQLSchema:
    """Return the schema; arguments and input fields reach functions in snake case, ``input`` as ``values``."""
    schema = build_schema(DEFINITION + ARTIFACT_DEFINITION)
    for name, check in (("Int64", _int64), ("JSONString", _text)):
        scalar = schema.type_map[name]
        if isinstance(scalar, GraphQLScalarType):
            for attribute in ("parse_value", "coerce_input_value"):  # its name before graphql-core 3.3, and since
                setattr(scalar, attribute, check)
    for kind in schema.type_map.values():
        if kind.name.startswith("__"):
            continue
        if isinstance(kind, GraphQLObjectType):
            for field in kind.fields.values():
                for name, argument in field.args.items():
                    argument.out_name = "values" if name == "input" else _snake_case(name)
        elif isinstance(kind, GraphQLInputObjectType):
            for name, entry in kind.fields.items():
                entry.out_name = _snake_case(name)
    return schema


def _int64(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**63) <= value < 2**63:
        raise GraphQLError(f"{str(value)[:40]!r} is no whole number of 64 bits")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise GraphQLError(f"text with JSON in it is wanted, not {type(value).__name__}")
    return value


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()
