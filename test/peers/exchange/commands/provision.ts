// Provision: the two-phase policy hand-shake and remote wipe (MS-ASPROV 3.1.5.1).
import { childrenOf, element, find, textOf, type Element } from '../../wbxml/element.ts';
import type { Device } from '../device.ts';
import { documentReply } from '../document-reply.ts';
import type { Reply } from '../../server/reply.ts';
import { ContentError, documentOf, type Transaction } from '../transaction.ts';

const policyType = 'MS-EAS-Provisioning-WBXML';

export function provision(transaction: Transaction): Reply {
  const { device } = transaction;
  const root = documentOf(transaction);
  if (device.wipe !== 'none') return wipe(device, root);
  judgeShape(transaction, root);
  const settings = acceptInformation(device, root);
  const policy = find(root, 'Provision:Policies', 'Provision:Policy');
  if (!policy) return documentReply(element('Provision:Provision', settings, element('Provision:Status', 1)));
  if (textOf(policy, 'Provision:PolicyType') !== policyType) return answer(settings, policyStatus(3));
  const key = textOf(policy, 'Provision:PolicyKey');
  return key === undefined ? offer(device, settings) : acknowledge(transaction, policy, settings);
}

function offer(device: Device, settings: Element | undefined): Reply {
  device.pendingPolicyKey = device.newPolicyKey();
  const document = element(
    'Provision:EASProvisionDoc',
    element('Provision:DevicePasswordEnabled', 1),
    element('Provision:AlphanumericDevicePasswordRequired', 0),
    element('Provision:PasswordRecoveryEnabled', 0),
    element('Provision:AttachmentsEnabled', 1),
    element('Provision:MinDevicePasswordLength', 6),
    element('Provision:MaxInactivityTimeDeviceLock', 300),
    element('Provision:MaxDevicePasswordFailedAttempts', 8),
    element('Provision:AllowSimpleDevicePassword', 1),
    element('Provision:DevicePasswordHistory', 0),
    element('Provision:RequireDeviceEncryption', 1),
  );
  return answer(settings, policyStatus(1, device.pendingPolicyKey, element('Provision:Data', document)));
}

function acknowledge(transaction: Transaction, policy: Element, settings: Element | undefined): Reply {
  const { device, policyKey } = transaction;
  const [key, status] = [textOf(policy, 'Provision:PolicyKey'), textOf(policy, 'Provision:Status')];
  if (status === undefined) throw new ContentError('an acknowledgement without Status');
  if (key !== String(device.pendingPolicyKey)) return answer(settings, policyStatus(5));
  if (
    policyKey !== undefined &&
    policyKey !== device.pendingPolicyKey &&
    policyKey !== (device.policyKey ?? 0)
  ) {
    transaction.violate({
      rule: 'policy-key',
      message: `the acknowledgement carries the key ${policyKey} in its head`,
      reference: 'MS-ASPROV 3.1.5.1.2.2',
    });
  }
  device.pendingPolicyKey = undefined;
  if (status !== '1' && status !== '2') return answer(settings, policyStatus(1));
  device.policyKey = device.newPolicyKey();
  device.policyOutdated = false;
  return answer(settings, policyStatus(1, device.policyKey));
}

function judgeShape({ device, version, violate }: Transaction, root: Element): void {
  const first = device.policyKey === undefined && device.pendingPolicyKey === undefined;
  if (version >= 14.1 && first && !find(root, 'Settings:DeviceInformation')) {
    violate({
      rule: 'content',
      message: 'the first Provision has no DeviceInformation',
      reference: 'MS-ASPROV 2.2.2.53: 14.1 and later',
    });
  }
}

function acceptInformation(device: Device, root: Element): Element | undefined {
  const information = find(root, 'Settings:DeviceInformation');
  if (!information) return undefined;
  if (!find(information, 'Settings:Set')) throw new ContentError('DeviceInformation without Set');
  device.information = information;
  return element('Settings:DeviceInformation', element('Settings:Status', 1));
}

function wipe(device: Device, root: Element): Reply {
  if (textOf(root, 'Provision:RemoteWipe', 'Provision:Status') === '1') {
    device.wipe = 'acknowledged';
    device.policyKey = undefined;
    return documentReply(element('Provision:Provision', element('Provision:Status', 1)));
  }
  return documentReply(
    element('Provision:Provision', element('Provision:Status', 1), element('Provision:RemoteWipe')),
  );
}

function policyStatus(status: number, key?: number, data?: Element): Element {
  return element(
    'Provision:Policy',
    element('Provision:PolicyType', policyType),
    element('Provision:Status', status),
    key !== undefined && element('Provision:PolicyKey', key),
    data,
  );
}

function answer(settings: Element | undefined, policy: Element): Reply {
  const policies = element('Provision:Policies', policy);
  const status = element('Provision:Status', 1);
  return documentReply(
    element('Provision:Provision', ...childrenOf(element('Provision:Data', settings)), status, policies),
  );
}
