"""The part of W&B's GraphQL schema that the recorder answers; whatever is not here is a GraphQL error that names it.

Field and argument names are those that the client's own queries use (wandb 0.31, ``wandb/apis/public``, and the
queries inside ``wandb-core``). Types left out on purpose: artifacts, sweeps, reports, registries, launch.
"""

from __future__ import annotations

import re

from graphql import (
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
)

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
}

type Mutation {
  upsertBucket(input: UpsertBucketInput!): UpsertBucketPayload
  createRunFiles(input: CreateRunFilesInput!): CreateRunFilesPayload
  markRunFilesUploaded(input: MarkRunFilesUploadedInput!): SuccessPayload
  deleteFiles(input: DeleteFilesInput!): SuccessPayload
  deleteRun(input: DeleteRunInput!): DeleteRunPayload
}

type PageInfo { endCursor: String hasNextPage: Boolean! }

type User {
  id: ID! name: String username: String email: String admin: Boolean flags: JSONString entity: String
  deletedAt: DateTime apiKeys: ApiKeyConnection teams: EntityConnection
}
type ApiKey { id: ID! name: String description: String }
type ApiKeyConnection { edges: [ApiKeyEdge!]! }
type ApiKeyEdge { node: ApiKey }
type EntityConnection { edges: [EntityEdge!]! }
type EntityEdge { node: Entity }
type Entity { id: ID! name: String! organization: Organization xxhashDigestsEnabled: Boolean }
type Organization { name: String coreWeaveOrganizationId: String orgEntity: Entity }

type ServerInfo {
  features: [ServerFeature!]! cliVersionInfo: JSON latestLocalVersionInfo: LocalVersionInfo
}
type ServerFeature { name: String! isEnabled: Boolean! }
type LocalVersionInfo {
  outOfDate: Boolean latestVersionString: String versionOnThisInstanceString: String
}

type Project {
  id: ID! internalId: ID name: String! entityName: String! description: String createdAt: DateTime
  isBenchmark: Boolean readOnly: Boolean access: String views: JSONString user: User entity: Entity!
  runCount(filters: JSONString): Int!
  runs(filters: JSONString, order: String, after: String, first: Int = 50): RunConnection
  run(name: String!, desc: String): Run
  "The older name of a run."
  bucket(name: String!, missingOk: Boolean = false): Run
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
type FileConnection { edges: [FileEdge!]! pageInfo: PageInfo! }
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
type UpsertBucketPayload { bucket: Run inserted: Boolean }
input CreateRunFilesInput { entityName: String projectName: String! runName: String! files: [String!]! }
type CreateRunFilesPayload { runID: ID! uploadHeaders: [String!]! files: [File!]! }
input MarkRunFilesUploadedInput {
  entityName: String! projectName: String! runName: String! files: [String!]!
}
input DeleteFilesInput { files: [ID!]! projectId: Int }
input DeleteRunInput { id: ID! deleteArtifacts: Boolean }
type DeleteRunPayload { success: Boolean clientMutationId: String }
type SuccessPayload { success: Boolean }
'''


def recorder_schema() -> GraphQLSchema:
    """Return the schema; arguments and input fields reach functions in snake case, ``input`` as ``values``."""
    schema = build_schema(DEFINITION)
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


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()
