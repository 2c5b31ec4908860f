// The tags of ActiveSync's WBXML and the tokens that they are written as (MS-ASWBXML 2.1.2.1, up to version 16.1).

/** By code page, in the order of the pages' numbers; the tags of a page in the order of their tokens from 5 on, `-` where there is none. */
const PAGES = {
  AirSync: `
    Sync Responses Add Change Delete Fetch SyncKey ClientId ServerId Status Collection Class Version
    CollectionId GetChanges MoreAvailable WindowSize Commands Options FilterType Truncation
    RTFTruncation Conflict Collections ApplicationData DeletesAsMoves NotifyGUID Supported
    SoftDelete MIMESupport MIMETruncation Wait Limit Partial ConversationMode MaxItems
    HeartbeatInterval`,
  Contacts: `
    Anniversary AssistantName AssistantTelephoneNumber Birthday Body BodySize BodyTruncated
    Business2PhoneNumber BusinessCity BusinessCountry BusinessPostalCode BusinessState
    BusinessStreet BusinessFaxNumber BusinessPhoneNumber CarPhoneNumber Categories Category Children
    Child CompanyName Department Email1Address Email2Address Email3Address FileAs FirstName
    Home2PhoneNumber HomeCity HomeCountry HomePostalCode HomeState HomeStreet HomeFaxNumber
    HomePhoneNumber JobTitle LastName MiddleName MobilePhoneNumber OfficeLocation OtherCity
    OtherCountry OtherPostalCode OtherState OtherStreet PagerNumber RadioPhoneNumber Spouse Suffix
    Title WebPage YomiCompanyName YomiFirstName YomiLastName CompressedRTF Picture Alias
    WeightedRank`,
  Email: `
    Attachment Attachments AttName AttSize AttOId AttMethod AttRemoved Body BodySize BodyTruncated
    DateReceived DisplayName DisplayTo Importance MessageClass Subject Read To Cc From ReplyTo
    AllDayEvent Categories Category DtStamp EndTime InstanceType BusyStatus Location MeetingRequest
    Organizer RecurrenceId Reminder ResponseRequested Recurrences Recurrence Type Until Occurrences
    Interval DayOfWeek DayOfMonth WeekOfMonth MonthOfYear StartTime Sensitivity TimeZone GlobalObjId
    ThreadTopic MIMEData MIMETruncated MIMESize InternetCPID Flag Status ContentClass FlagType
    CompleteTime DisallowNewTimeProposal`,
  /** Of 12.0 and before, and no longer described. */
  AirNotify: '',
  Calendar: `
    TimeZone AllDayEvent Attendees Attendee Email Name Body BodyTruncated BusyStatus Categories
    Category CompressedRTF DtStamp EndTime Exception Exceptions Deleted ExceptionStartTime Location
    MeetingStatus OrganizerEmail OrganizerName Recurrence Type Until Occurrences Interval DayOfWeek
    DayOfMonth WeekOfMonth MonthOfYear Reminder Sensitivity Subject StartTime UID AttendeeStatus
    AttendeeType - - - - - - - - DisallowNewTimeProposal ResponseRequested AppointmentReplyTime
    ResponseType CalendarType IsLeapMonth FirstDayOfWeek OnlineMeetingConfLink
    OnlineMeetingExternalLink ClientUid`,
  Move: `
    MoveItems Move SrcMsgId SrcFldId DstFldId Response Status DstMsgId`,
  GetItemEstimate: `
    GetItemEstimate Version Collections Collection Class CollectionId DateTime Estimate Response
    Status`,
  FolderHierarchy: `
    Folders Folder DisplayName ServerId ParentId Type Response Status ContentClass Changes Add
    Delete Update SyncKey FolderCreate FolderDelete FolderUpdate FolderSync Count Version`,
  MeetingResponse: `
    CalendarId CollectionId MeetingResponse RequestId Request Result Status UserResponse Version
    InstanceId - ProposedStartTime ProposedEndTime SendResponse`,
  Tasks: `
    Body BodySize BodyTruncated Categories Category Complete DateCompleted DueDate UtcDueDate
    Importance Recurrence Type Start Until Occurrences Interval DayOfMonth DayOfWeek WeekOfMonth
    MonthOfYear Regenerate DeadOccur ReminderSet ReminderTime Sensitivity StartDate UtcStartDate
    Subject CompressedRTF OrdinalDate SubOrdinalDate CalendarType IsLeapMonth FirstDayOfWeek`,
  ResolveRecipients: `
    ResolveRecipients Response Status Type Recipient DisplayName EmailAddress Certificates
    Certificate MiniCertificate Options To CertificateRetrieval RecipientCount MaxCertificates
    MaxAmbiguousRecipients CertificateCount Availability StartTime EndTime MergedFreeBusy Picture
    MaxSize Data MaxPictures`,
  ValidateCert: `
    ValidateCert Certificates Certificate CertificateChain CheckCrl Status`,
  Contacts2: `
    CustomerId GovernmentId IMAddress IMAddress2 IMAddress3 ManagerName CompanyMainPhone AccountName
    NickName MMS`,
  Ping: `
    Ping AutdState Status HeartbeatInterval Folders Folder Id Class MaxFolders`,
  Provision: `
    Provision Policies Policy PolicyType PolicyKey Data Status RemoteWipe EASProvisionDoc
    DevicePasswordEnabled AlphanumericDevicePasswordRequired RequireStorageCardEncryption
    PasswordRecoveryEnabled DocumentBrowseEnabled AttachmentsEnabled MinDevicePasswordLength
    MaxInactivityTimeDeviceLock MaxDevicePasswordFailedAttempts MaxAttachmentSize
    AllowSimpleDevicePassword DevicePasswordExpiration DevicePasswordHistory AllowStorageCard
    AllowCamera RequireDeviceEncryption AllowUnsignedApplications AllowUnsignedInstallationPackages
    MinDevicePasswordComplexCharacters AllowWiFi AllowTextMessaging AllowPOPIMAPEmail AllowBluetooth
    AllowIrDA RequireManualSyncWhenRoaming AllowDesktopSync MaxCalendarAgeFilter AllowHTMLEmail
    MaxEmailAgeFilter MaxEmailBodyTruncationSize MaxEmailHTMLBodyTruncationSize
    RequireSignedSMIMEMessages RequireEncryptedSMIMEMessages RequireSignedSMIMEAlgorithm
    RequireEncryptionSMIMEAlgorithm AllowSMIMEEncryptionAlgorithmNegotiation AllowSMIMESoftCerts
    AllowBrowser AllowConsumerEmail AllowRemoteDesktop AllowInternetSharing
    UnapprovedInROMApplicationList ApplicationName ApprovedApplicationList Hash
    AccountOnlyRemoteWipe`,
  Search: `
    Search - Store Name Query Options Range Status Response Result Properties Total EqualTo Value
    And Or FreeText - DeepTraversal LongId RebuildResults LessThan GreaterThan Schema Supported
    UserName Password ConversationId Picture MaxSize MaxPictures`,
  GAL: `
    DisplayName Phone Office Title Company Alias FirstName LastName HomePhone MobilePhone
    EmailAddress Picture Status Data`,
  AirSyncBase: `
    BodyPreference Type TruncationSize AllOrNone - Body Data EstimatedDataSize Truncated Attachments
    Attachment DisplayName FileReference Method ContentId ContentLocation IsInline NativeBodyType
    ContentType Preview BodyPartPreference BodyPart Status Add Delete ClientId Content Location
    Annotation Street City State Country PostalCode Latitude Longitude Accuracy Altitude
    AltitudeAccuracy LocationUri InstanceId`,
  Settings: `
    Settings Status Get Set Oof OofState StartTime EndTime OofMessage AppliesToInternal
    AppliesToExternalKnown AppliesToExternalUnknown Enabled ReplyMessage BodyType DevicePassword
    Password DeviceInformation Model IMEI FriendlyName OS OSLanguage PhoneNumber UserInformation
    EmailAddresses SMTPAddress UserAgent EnableOutboundSMS MobileOperator PrimarySmtpAddress
    Accounts Account AccountId AccountName UserDisplayName SendDisabled -
    RightsManagementInformation`,
  DocumentLibrary: `
    LinkId DisplayName IsFolder CreationDate LastModifiedDate IsHidden ContentLength ContentType`,
  ItemOperations: `
    ItemOperations Fetch Store Options Range Total Properties Data Status Response Version Schema
    Part EmptyFolderContents DeleteSubFolders UserName Password Move DstFldId ConversationId
    MoveAlways`,
  ComposeMail: `
    SendMail SmartForward SmartReply SaveInSentItems ReplaceMime - Source FolderId ItemId LongId
    InstanceId Mime ClientId Status AccountId - Forwardees Forwardee Name Email`,
  Email2: `
    UmCallerID UmUserNotes UmAttDuration UmAttOrder ConversationId ConversationIndex
    LastVerbExecuted LastVerbExecutionTime ReceivedAsBcc Sender CalendarType IsLeapMonth AccountId
    FirstDayOfWeek MeetingMessageType - IsDraft Bcc Send`,
  Notes: `
    Subject MessageClass LastModifiedDate Categories Category`,
  RightsManagement: `
    RightsManagementSupport RightsManagementTemplates RightsManagementTemplate
    RightsManagementLicense EditAllowed ReplyAllowed ReplyAllAllowed ForwardAllowed
    ModifyRecipientsAllowed ExtractAllowed PrintAllowed ExportAllowed ProgrammaticAccessAllowed
    Owner ContentExpiryDate TemplateID TemplateName TemplateDescription ContentOwner
    RemoveRightsManagementProtection`,
  Find: `
    Find SearchId ExecuteSearch MailBoxSearchCriterion Query Status FreeText Options Range
    DeepTraversal - - Response Result Properties Preview HasAttachments Total DisplayCc DisplayBcc
    GalSearchCriterion - - - - - - MaxPictures MaxSize Picture`,
} as const;

/** The name of a code page, which is also its XML namespace. */
export type PageName = keyof typeof PAGES;

/** An element as code page × 256 + token. */
export type Tag = number;

const FIRST_TOKEN = 5;
const PAGE_NAMES = Object.keys(PAGES) as PageName[];
const TAGS: ReadonlyMap<string, Tag> = new Map(
  PAGE_NAMES.flatMap((page, number) =>
    namesOf(page).map((name, at) => [`${page}:${name}`, number * 256 + FIRST_TOKEN + at] as const),
  ).filter(([name]) => !name.endsWith('-')),
);

function namesOf(page: PageName): string[] {
  return PAGES[page].split(/\s+/).filter((name) => name !== '');
}

/**
 * The tag of a name within a code page.
 * @throws TypeError where there is none.
 */
export function tagOf(page: PageName, name: string): Tag {
  const tag = TAGS.get(`${page}:${name}`);
  if (tag === undefined) throw new TypeError(`no tag ${page}:${name}`);
  return tag;
}

/** All tags by `page:name`. */
export function allTags(): ReadonlyMap<string, Tag> {
  return TAGS;
}
