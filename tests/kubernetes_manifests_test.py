# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 dpdk-vf-token contributors
"""The example manifests: what the API server and the SR-IOV network device plugin would read."""
import json
import types

import pytest
import yaml
from kubernetes import client

from framework.common import SOURCE

pytestmark = pytest.mark.fast

FOLDER = SOURCE / 'examples/kubernetes'
MODELS = {'ConfigMap': client.V1ConfigMap, 'DaemonSet': client.V1DaemonSet,
          'Namespace': client.V1Namespace, 'Pod': client.V1Pod, 'Role': client.V1Role,
          'RoleBinding': client.V1RoleBinding, 'Secret': client.V1Secret}

# The plugin's README, "Config parameters" and "Network devices selectors".
RESOURCE = {'resourceName': str, 'resourcePrefix': str, 'deviceType': str, 'excludeTopology': bool,
            'selectors': list, 'additionalInfo': dict}
SELECTORS = {'vendors': list, 'devices': list, 'drivers': list, 'pciAddresses': list,
             'acpiIndexes': list, 'pfNames': list, 'rootDevices': list, 'linkTypes': list,
             'ddpProfiles': list, 'pKeys': list, 'isRdma': bool, 'needVhostNet': bool,
             'vdpaType': str}

DOCUMENTS = [document for path in sorted(FOLDER.glob('*.yaml'))
             for document in yaml.safe_load_all(path.read_text('utf-8'))]


def all_of(kind):
    """The documents of a kind, by their namespaces and names."""
    return {(document['metadata'].get('namespace'), document['metadata']['name']): document
            for document in DOCUMENTS if document['kind'] == kind}


def one(kind):
    """The document of a kind, of which there is one."""
    found, = all_of(kind).values()
    return found


def pods():
    """The specifications of pods."""
    return [one('DaemonSet')['spec']['template']['spec'], one('Pod')['spec']]


def plugin_config():
    """The device plugin's configuration."""
    return json.loads(one('ConfigMap')['data']['config.json'])


def fits(fields, table):
    """Whether each field is in the table, and of its type."""
    return all(isinstance(value, table.get(name, ())) for name, value in fields.items())


@pytest.mark.parametrize('document', DOCUMENTS, ids=lambda document: document['kind'])
def test_schema(document):
    """Each document must fit the API's model of its kind.

    Steps: Make an object of the model from it, as an answer of the API server's would be, and a
    document of that object.
    Verify: No required field is missing. The documents are the same: a field that the model doesn't
    know, or of another type, would be lost or changed.
    """
    api = client.ApiClient()
    answer = types.SimpleNamespace(data=json.dumps(document))
    parsed = api.deserialize(answer, MODELS[document['kind']])
    assert api.sanitize_for_serialization(parsed) == document


@pytest.mark.parametrize('change', [
    lambda spec: spec.update(tolerated=True),
    lambda spec: spec.update(nodeName=7),
    lambda spec: spec['containers'][0].pop('name'),
], ids=['unknown', 'of another type', 'missing'])
def test_schema_finds(change):
    """The check above must find a field that is unknown, of another type, or missing.

    Steps: Make one of them of the pod, and check that.
    Verify: It fails.
    """
    document = json.loads(json.dumps(one('Pod')))
    change(document['spec'])
    with pytest.raises((AssertionError, ValueError)):
        test_schema(document)


def test_device_plugin():
    """The device plugin's configuration must have documented fields only, of their types, and offer
    VFs on vfio-pci of the PF that the DaemonSet owns, but not that PF.

    Steps: Read it.
    Verify: That.
    """
    config = plugin_config()
    assert list(config) == ['resourceList']
    for resource in config['resourceList']:
        assert fits(resource, RESOURCE)
        for selectors in resource['selectors']:
            assert fits(selectors, SELECTORS)
            assert all(isinstance(word, str) for word in sum(
                (value for value in selectors.values() if isinstance(value, list)), []))
            assert selectors['drivers'] == ['vfio-pci']
            command = pods()[0]['containers'][0]['command']
            # The packages have it in /usr/sbin, a build in /usr/local/sbin.
            assert command[0] == 'pf_daemon'
            assert selectors['rootDevices'][0] in command
            # The PF is 10c9.
            assert selectors['devices'] == ['10ca']


def namespace(kind):
    """The namespace of a kind of which there is one."""
    return one(kind)['metadata']['namespace']


def test_one_token():
    """Each pod must mount the Secret of its own namespace, whole, and name the file in it; the VF's
    must ask for what the plugin offers, by the variable that the plugin sets.

    Steps: Read all documents.
    Verify: That; and what the Secrets hold as they stand isn't a token.
    """
    secrets = all_of('Secret')
    assert len(secrets) == 2
    for kind, spec in zip(('DaemonSet', 'Pod'), pods()):
        volumes = {volume['name']: volume for volume in spec['volumes']}
        container = spec['containers'][0]
        mount = next(mount for mount in container['volumeMounts']
                     if volumes[mount['name']].get('secret'))
        secret = volumes[mount['name']]['secret']
        (key, text), = secrets[namespace(kind), secret['secretName']]['stringData'].items()
        assert len(text) != 36
        assert secret['defaultMode'] == 0o400
        assert 'subPath' not in mount
        assert f"file:{mount['mountPath']}/{key}" in ' '.join(container['command'])
    resource = plugin_config()['resourceList'][0]
    container = one('Pod')['spec']['containers'][0]
    name = f"{resource['resourcePrefix']}/{resource['resourceName']}"
    assert container['resources']['limits'][name] == '1'
    variable = 'PCIDEVICE_' + name.upper().replace('.', '_').replace('/', '_')
    assert f'"${variable}"' in container['command'][-1]


def fits_baseline(spec):
    """Whether the Pod Security Standards' policy "baseline" lets a pod in, as far as the example's
    fields go.
    """
    contexts = [spec.get('securityContext', {})]
    contexts += [container.get('securityContext', {}) for container in spec['containers']]
    return not (
        any(spec.get(name) for name in ('hostNetwork', 'hostPID', 'hostIPC'))
        or any('hostPath' in volume for volume in spec['volumes'])
        or any(context.get('privileged') or context.get('capabilities', {}).get('add')
               or context.get('seccompProfile', {}).get('type') == 'Unconfined'
               for context in contexts))


def test_two_namespaces():
    """Who may start a VF's pod must not be able to start a privileged one, which has the node.

    Steps: Read the namespaces and the pods.
    Verify: The PF's process, which is privileged, has a namespace of its own. That of the VFs' pods
    enforces a policy that takes the VF's pod, and not the PF's.
    """
    enforced = {name: document['metadata']['labels']['pod-security.kubernetes.io/enforce']
                for (_, name), document in all_of('Namespace').items()}
    assert enforced == {namespace('DaemonSet'): 'privileged', namespace('Pod'): 'baseline'}
    assert [fits_baseline(spec) for spec in pods()] == [False, True]


def test_rules():
    """Nobody may start pods where privileged ones are allowed, nor read other Secrets than the
    token's.

    Steps: Read what each group may do in each namespace.
    Verify: The users of VFs may start pods in theirs, and have no access to Secrets. Who sets the
    token may read and change the two Secrets, and no more. No group has a rule twice.
    """
    rights = {}
    for (place, _), binding in all_of('RoleBinding').items():
        role = all_of('Role')[place, binding['roleRef']['name']]
        subject, = binding['subjects']
        assert subject['kind'] == 'Group' and (place, subject['name']) not in rights
        rights[place, subject['name']] = [
            (resource, rule.get('resourceNames'), set(rule['verbs']))
            for rule in role['rules'] for resource in rule['resources']]
    assert len(all_of('Role')) == len(rights)
    token = [('secrets', ['vf-token'], {'get', 'patch'})]
    assert rights == {
        (namespace('DaemonSet'), 'vf-token'): token,
        (namespace('Pod'), 'vf-token'): token,
        (namespace('Pod'), 'vf-users'): [
            ('pods', None, {'create', 'delete', 'get', 'list', 'watch'}),
            ('pods/log', None, {'get'})],
    }
    assert {name for _, name in all_of('Secret')} == {'vf-token'}
