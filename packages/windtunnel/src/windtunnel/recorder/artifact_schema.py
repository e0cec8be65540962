"""The part of W&B's GraphQL schema that is about artifacts, as an extension of :mod:`windtunnel.recorder.schema`.

Field and argument names are those that the client's own queries use: wandb 0.31 in full, and what 0.17 to 0.30 ask
for beside it. Left out on purpose: registries with their members and roles, and automations.
"""

from __future__ import annotations

ARTIFACT_DEFINITION = """
enum ArtifactState { PENDING COMMITTED DELETED }
enum ArtifactCollectionState { READY DELETED }
enum ArtifactDigestAlgorithm { MANIFEST_MD5 MANIFEST_XXH128 }
enum ArtifactManifestType { FULL PATCH INCREMENTAL }
enum ArtifactStorageLayout { V1 V2 }

extend type Query {
  artifact(id: ID!): Artifact
  artifactCollection(id: ID!): ArtifactCollection
  clientIDMapping(clientID: ID!): ClientIDMapping
}

extend type Mutation {
  createArtifactType(input: CreateArtifactTypeInput!): CreateArtifactTypePayload
  createArtifact(input: CreateArtifactInput!): CreateArtifactPayload
  createArtifactManifest(input: CreateArtifactManifestInput!): ArtifactManifestPayload
  updateArtifactManifest(input: UpdateArtifactManifestInput!): ArtifactManifestPayload
  createArtifactFiles(input: CreateArtifactFilesInput!): CreateArtifactFilesPayload
  completeMultipartUploadArtifact(input: CompleteMultipartUploadArtifactInput!): CompleteMultipartUploadArtifactPayload
  commitArtifact(input: CommitArtifactInput!): ArtifactPayload
  updateArtifact(input: UpdateArtifactInput!): ArtifactPayload
  deleteArtifact(input: DeleteArtifactInput!): ArtifactPayload
  useArtifact(input: UseArtifactInput!): ArtifactPayload
  linkArtifact(input: LinkArtifactInput!): LinkArtifactPayload
  unlinkArtifact(input: UnlinkArtifactInput!): UnlinkArtifactPayload
  addAliases(input: AddAliasesInput!): ArtifactSuccessPayload
  deleteAliases(input: DeleteAliasesInput!): ArtifactSuccessPayload
  updateArtifactSequence(input: UpdateArtifactSequenceInput!): ArtifactCollectionPayload
  updateArtifactPortfolio(input: UpdateArtifactPortfolioInput!): ArtifactCollectionPayload
  moveArtifactSequence(input: MoveArtifactSequenceInput!): ArtifactCollectionPayload
  deleteArtifactSequence(input: DeleteArtifactSequenceInput!): ArtifactCollectionPayload
  deleteArtifactPortfolio(input: DeleteArtifactPortfolioInput!): ArtifactCollectionPayload
  createArtifactCollectionTagAssignments(
    input: CreateArtifactCollectionTagAssignmentsInput!
  ): CollectionTagsPayload
  deleteArtifactCollectionTagAssignments(
    input: DeleteArtifactCollectionTagAssignmentsInput!
  ): ArtifactSuccessPayload
}

extend type Project {
  artifact(name: String!, enableTracking: Boolean): Artifact
  artifactType(name: String!): ArtifactType
  artifactTypes(after: String, first: Int = 50): ArtifactTypeConnection!
  artifactCollection(name: String!): ArtifactCollection
  artifactCollections(
    after: String, first: Int = 50, filters: JSONString, order: String
  ): ArtifactCollectionConnection!
  artifactCollectionMembership(name: String!): ArtifactCollectionMembership
}

extend type Run {
  outputArtifacts(after: String, first: Int = 50): ArtifactConnection!
  inputArtifacts(after: String, first: Int = 50): InputArtifactConnection!
}

extend type File { displayName: String storagePath: String digest: String uploadHeaders: [String!] artifact: Artifact
  uploadMultipartUrls: UploadMultipartUrls }
extend type FileConnection { totalCount: Int! }

type Artifact {
  id: ID! state: ArtifactState! digest: String! digestAlgorithm: ArtifactDigestAlgorithm! commitHash: String
  versionIndex: Int size: Int64! fileCount: Int! storageBytes: Int64 description: String metadata: JSONString
  labels: JSONString ttlDurationSeconds: Int64 ttlIsInherited: Boolean! historyStep: Int64
  createdAt: DateTime! updatedAt: DateTime
  artifactType: ArtifactType! artifactSequence: ArtifactSequence! aliases: [ArtifactAlias!]! tags: [Tag!]!
  artifactMemberships(after: String, first: Int = 50): ArtifactCollectionMembershipConnection!
  currentManifest: ArtifactManifest createdBy: Initiator usedBy: RunConnection!
  files(names: [String!], after: String, first: Int = 50): FileConnection!
  filesByManifestEntries(
    entries: [ArtifactManifestEntryInput!], storageLayout: String!, manifestVersion: String!, storageRegion: String,
    after: String, first: Int
  ): FileConnection!
}
union Initiator = Run | User
type ArtifactConnection { edges: [ArtifactEdge!]! pageInfo: PageInfo! totalCount: Int! }
type InputArtifactConnection { edges: [ArtifactEdge!]! pageInfo: PageInfo! totalCount: Int! }
type ArtifactEdge { node: Artifact! cursor: String! }
type VersionedArtifactConnection { edges: [VersionedArtifactEdge!]! pageInfo: PageInfo! totalCount: Int! }
type VersionedArtifactEdge { version: String! node: Artifact! cursor: String! }
type ArtifactManifest { id: ID! digest: String file: File! }
type ArtifactAlias { id: ID! alias: String! artifactCollectionName: String artifactCollection: ArtifactCollection }
type ArtifactAliasConnection { edges: [ArtifactAliasEdge!]! pageInfo: PageInfo! totalCount: Int! }
type ArtifactAliasEdge { node: ArtifactAlias! cursor: String! }
type Tag { id: ID! name: String! tagCategoryName: String attributes: JSONString }
type TagConnection { edges: [TagEdge!]! pageInfo: PageInfo! totalCount: Int! }
type TagEdge { node: Tag! cursor: String! }
type ArtifactType {
  id: ID! name: String! description: String createdAt: DateTime
  artifact(name: String!): Artifact
  artifactCollection(name: String!): ArtifactCollection
  artifactSequence(name: String!): ArtifactSequence
  artifactCollections(
    after: String, first: Int = 50, filters: JSONString, order: String
  ): ArtifactCollectionConnection!
  "The older name of its collections."
  artifactSequences(after: String, first: Int = 50): ArtifactCollectionConnection!
}
type ArtifactTypeConnection { edges: [ArtifactTypeEdge!]! pageInfo: PageInfo! }
type ArtifactTypeEdge { node: ArtifactType! cursor: String! }

interface ArtifactCollection {
  id: ID! name: String! description: String createdAt: DateTime! updatedAt: DateTime state: ArtifactCollectionState!
  project: Project! defaultArtifactType: ArtifactType!
  tags(after: String, first: Int = 50): TagConnection!
  aliases(after: String, first: Int = 50): ArtifactAliasConnection!
  artifacts(after: String, first: Int = 50, order: String, filters: JSONString): VersionedArtifactConnection!
  artifactMembership(aliasName: String!): ArtifactCollectionMembership
}
"The versions that runs log under one name."
type ArtifactSequence implements ArtifactCollection {
  id: ID! name: String! description: String createdAt: DateTime! updatedAt: DateTime state: ArtifactCollectionState!
  project: Project! defaultArtifactType: ArtifactType!
  tags(after: String, first: Int = 50): TagConnection!
  aliases(after: String, first: Int = 50): ArtifactAliasConnection!
  artifacts(after: String, first: Int = 50, order: String, filters: JSONString): VersionedArtifactConnection!
  artifactMembership(aliasName: String!): ArtifactCollectionMembership
  latestArtifact: Artifact digestAlgorithm: ArtifactDigestAlgorithm!
}
"Versions of sequences that were linked to one name."
type ArtifactPortfolio implements ArtifactCollection {
  id: ID! name: String! description: String createdAt: DateTime! updatedAt: DateTime state: ArtifactCollectionState!
  project: Project! defaultArtifactType: ArtifactType!
  tags(after: String, first: Int = 50): TagConnection!
  aliases(after: String, first: Int = 50): ArtifactAliasConnection!
  artifacts(after: String, first: Int = 50, order: String, filters: JSONString): VersionedArtifactConnection!
  artifactMembership(aliasName: String!): ArtifactCollectionMembership
}
type ArtifactCollectionConnection { edges: [ArtifactCollectionEdge!]! pageInfo: PageInfo! totalCount: Int! }
type ArtifactCollectionEdge { node: ArtifactCollection! cursor: String! }
type ArtifactCollectionMembership {
  id: ID! versionIndex: Int createdAt: DateTime aliases: [ArtifactAlias!]!
  artifactCollection: ArtifactCollection artifact: Artifact
  files(names: [String!], after: String, first: Int = 50): FileConnection!
}
type ArtifactCollectionMembershipConnection { edges: [ArtifactCollectionMembershipEdge!]! pageInfo: PageInfo! }
type ArtifactCollectionMembershipEdge { node: ArtifactCollectionMembership! cursor: String! }
type ClientIDMapping { serverID: ID! }

input ArtifactAliasInput { artifactCollectionName: String! alias: String! }
input ArtifactCollectionAliasInput {
  entityName: String! projectName: String! artifactCollectionName: String! alias: String!
}
input TagInput { tagName: String! tagCategoryName: String attributes: JSONString }
input CreateArtifactTypeInput { name: String! entityName: String! projectName: String! description: String }
type CreateArtifactTypePayload { artifactType: ArtifactType }
input CreateArtifactInput {
  entityName: String! projectName: String! runName: String artifactTypeName: String!
  artifactCollectionName: String artifactCollectionNames: [String!]
  digest: String! digestAlgorithm: ArtifactDigestAlgorithm = MANIFEST_MD5 description: String labels: JSONString
  aliases: [ArtifactAliasInput!] tags: [TagInput!] metadata: JSONString historyStep: Int64 ttlDurationSeconds: Int64
  enableDigestDeduplication: Boolean = false distributedID: String clientID: ID sequenceClientID: ID
  storageRegion: String clientMutationId: String
}
type CreateArtifactPayload { artifact: Artifact! }
input CreateArtifactManifestInput {
  artifactID: ID! baseArtifactID: ID name: String! digest: String! entityName: String! projectName: String!
  runName: String type: ArtifactManifestType = FULL clientMutationId: String
}
input UpdateArtifactManifestInput {
  artifactManifestID: ID! digest: String baseArtifactID: ID clientMutationId: String
}
type ArtifactManifestPayload { artifactManifest: ArtifactManifest! }
input UploadPartsInput { partNumber: Int64! hexMD5: String! }
input CreateArtifactFileSpecInput {
  artifactID: ID! name: String! md5: String! mimetype: String artifactManifestID: ID
  uploadPartsInput: [UploadPartsInput!]
}
input CreateArtifactFilesInput {
  artifactFiles: [CreateArtifactFileSpecInput!]! storageLayout: ArtifactStorageLayout = V2 cloudRegionID: ID
  clientMutationId: String
}
type CreateArtifactFilesPayload { files: FileConnection! }
type UploadMultipartUrls { uploadID: ID! uploadUrlParts: [UploadUrlPart!]! }
type UploadUrlPart { partNumber: Int64! uploadUrl: String! }
enum CompleteMultipartAction { Complete Abort }
input CompleteMultipartUploadArtifactInput {
  completeMultipartAction: CompleteMultipartAction! completedParts: [UploadPartsInput!]! artifactID: ID!
  storagePath: String! uploadID: String!
}
type CompleteMultipartUploadArtifactPayload { digest: String }
input CommitArtifactInput { artifactID: ID! clientMutationId: String }
input UpdateArtifactInput {
  artifactID: ID! description: String labels: JSONString metadata: JSONString aliases: [ArtifactAliasInput!]
  tagsToAdd: [TagInput!] tagsToDelete: [TagInput!] ttlDurationSeconds: Int64 clientMutationId: String
}
input DeleteArtifactInput { artifactID: ID! deleteAliases: Boolean = false clientMutationId: String }
input UseArtifactInput {
  entityName: String! projectName: String! runName: String! artifactID: ID! usedAs: String
  artifactEntityName: String artifactProjectName: String clientMutationId: String
}
type ArtifactPayload { artifact: Artifact }
input LinkArtifactInput {
  artifactID: ID clientID: ID artifactPortfolioID: ID artifactPortfolioName: String entityName: String
  projectName: String aliases: [ArtifactAliasInput!] clientMutationId: String
}
type LinkArtifactPayload { versionIndex: Int artifactMembership: ArtifactCollectionMembership }
input UnlinkArtifactInput { artifactID: ID! artifactPortfolioID: ID! clientMutationId: String }
input AddAliasesInput { artifactID: ID! aliases: [ArtifactCollectionAliasInput!]! clientMutationId: String }
input DeleteAliasesInput { artifactID: ID! aliases: [ArtifactCollectionAliasInput!]! clientMutationId: String }
type UnlinkArtifactPayload { success: Boolean! artifactID: ID clientMutationId: String }
type ArtifactSuccessPayload { success: Boolean! }
input UpdateArtifactSequenceInput {
  artifactSequenceID: ID! name: String description: String clientMutationId: String
}
input UpdateArtifactPortfolioInput {
  artifactPortfolioID: ID! name: String description: String clientMutationId: String
}
input MoveArtifactSequenceInput {
  artifactSequenceID: ID! destinationArtifactTypeName: String! clientMutationId: String
}
input DeleteArtifactSequenceInput { artifactSequenceID: ID! clientMutationId: String }
input DeleteArtifactPortfolioInput { artifactPortfolioID: ID! clientMutationId: String }
type ArtifactCollectionPayload { artifactCollection: ArtifactCollection }
input CreateArtifactCollectionTagAssignmentsInput {
  entityName: String! projectName: String! artifactCollectionName: String! tags: [TagInput!]! clientMutationID: String
}
input DeleteArtifactCollectionTagAssignmentsInput {
  entityName: String! projectName: String! artifactCollectionName: String! tags: [TagInput!]! clientMutationID: String
}
type CollectionTagsPayload { tags: [Tag!]! }
input ArtifactManifestEntryInput {
  name: String! digest: String! birthArtifactID: ID storageEtag: String
}
"""
