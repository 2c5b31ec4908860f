import { describe, expect, test } from 'vitest';
import type { Replicas } from '../../translate/objects/replicas.ts';
import { type Deployment, planDeployment } from './deployment-plan.ts';

const metadata = { name: 'mail', namespace: 'default' };
const autoscaler: Replicas = { decidedBy: 'Autoscaler', count: 3 };
const byDefault: Replicas = { decidedBy: 'Default', count: 2 };
const OPERATOR = { manager: 'sentry-operator', operation: 'Apply' };
const HPA = { manager: 'kube-controller-manager', operation: 'Update', subresource: 'scale' };

/** The number of pods that is applied, over what is live. */
function applied(replicas: Replicas, live?: Deployment): number | undefined {
  const wanted: Deployment = { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { template: {} } };
  return planDeployment({ wanted, live, generation: 1, replicas }).spec?.replicas;
}

function live(replicas: number, { owner, mark }: { owner?: typeof HPA; mark?: string } = {}): Deployment {
  const fieldsV1 = { 'f:spec': { 'f:replicas': {} } };
  return {
    metadata: {
      ...metadata,
      ...(mark !== undefined && { annotations: { 'sentrygateway.io/replicas': mark } }),
      managedFields: [OPERATOR, ...(owner === undefined ? [] : [owner])].map((entry) => ({
        ...entry,
        fieldsV1,
      })),
    },
    spec: { replicas },
  };
}

describe('with an autoscaler', () => {
  test('a new Deployment begins with the least number of pods', () => {
    expect(applied(autoscaler)).toBe(3);
  });

  test('the number that there is stays until the autoscaler has written one', () => {
    expect(applied(autoscaler, live(7))).toBe(7);
    expect(applied(autoscaler, live(7, { owner: HPA }))).toBeUndefined();
  });

  test('a gateway that was scaled to nothing begins with the least, because no autoscaler wakes it', () => {
    expect(applied(autoscaler, live(0))).toBe(3);
  });
});

describe('without an autoscaler', () => {
  test("the user's number counts, whatever there is", () => {
    expect(applied({ decidedBy: 'Spec', count: 4 }, live(7, { mark: 'Autoscaler' }))).toBe(4);
  });

  test('the number that an autoscaler left behind is kept where nobody says one', () => {
    expect(applied(byDefault, live(7, { owner: HPA, mark: 'Autoscaler' }))).toBe(7);
    expect(applied(byDefault, live(6, { mark: 'Kept' }))).toBe(6);
  });

  test('where none was, any other number than the default is drift', () => {
    expect(applied(byDefault, live(7))).toBe(2);
  });
});
