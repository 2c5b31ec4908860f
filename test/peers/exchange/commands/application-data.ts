// Items as ApplicationData: mail properties and the body in the form that the client prefers (MS-ASEMAIL, MS-ASAIRS).
import { childrenOf, element, textOf, type Element } from '../../wbxml/element.ts';
import type { Item } from '../mailbox.ts';

export interface Rendering {
  /** All properties; else only those that a change concerns. */
  readonly full: boolean;
  /** The Options element, whose BodyPreference says whether and how much of the body is wanted. */
  readonly options: Element | undefined;
}

export function applicationData(item: Item, { full, options }: Rendering): Element {
  return element('AirSync:ApplicationData', ...properties(item, { full, options }));
}

/** The properties of an item, to be put into ApplicationData or Properties. */
export function properties(item: Item, { full, options }: Rendering): Element[] {
  if (!full) return [element('Email:Read', item.read ? 1 : 0), element('Email:Subject', item.subject)];
  return [
    element('Email:To', item.to),
    ...(item.cc ? [element('Email:Cc', item.cc)] : []),
    element('Email:From', item.from),
    element('Email:Subject', item.subject),
    element('Email:DateReceived', item.received.toISOString()),
    element('Email:DisplayTo', item.to),
    element('Email:ThreadTopic', item.subject),
    element('Email:Importance', 1),
    element('Email:Read', item.read ? 1 : 0),
    ...attachments(item),
    ...body(item, options),
    element('Email:MessageClass', 'IPM.Note'),
    element('Email:InternetCPID', 65_001),
    element('Email:ContentClass', 'urn:content-classes:message'),
    element('AirSyncBase:NativeBodyType', 1),
  ];
}

/** Reads what a client wrote of a mail; what it left out is absent. */
export function readApplicationData(data: Element): Partial<Pick<Item, 'subject' | 'read' | 'body'>> {
  const read = textOf(data, 'Email:Read');
  const body = textOf(data, 'AirSyncBase:Body', 'AirSyncBase:Data');
  const subject = textOf(data, 'Email:Subject');
  return {
    ...(subject !== undefined && { subject }),
    ...(read !== undefined && { read: read === '1' }),
    ...(body !== undefined && { body }),
  };
}

function attachments(item: Item): Element[] {
  if (item.attachments.length === 0) return [];
  return [
    element(
      'AirSyncBase:Attachments',
      ...item.attachments.map(({ fileReference, name, bytes }) =>
        element(
          'AirSyncBase:Attachment',
          element('AirSyncBase:DisplayName', name),
          element('AirSyncBase:FileReference', fileReference),
          element('AirSyncBase:Method', 1),
          element('AirSyncBase:EstimatedDataSize', bytes),
        ),
      ),
    ),
  ];
}

function body(item: Item, options: Element | undefined): Element[] {
  const preferences = childrenOf(options, 'AirSyncBase:BodyPreference');
  const preference = preferences.find((each) => textOf(each, 'AirSyncBase:Type') === '1') ?? preferences[0];
  if (!preference) return [];
  const limit = Number(textOf(preference, 'AirSyncBase:TruncationSize') ?? Infinity);
  const bytes = Buffer.from(item.body);
  const truncated = bytes.length > limit;
  const text = truncated
    ? bytes
        .subarray(0, limit)
        .toString('utf8')
        .replace(/\uFFFD$/, '')
    : item.body;
  return [
    element(
      'AirSyncBase:Body',
      element('AirSyncBase:Type', 1),
      element('AirSyncBase:EstimatedDataSize', bytes.length),
      truncated && element('AirSyncBase:Truncated', 1),
      element('AirSyncBase:Data', text),
    ),
  ];
}
