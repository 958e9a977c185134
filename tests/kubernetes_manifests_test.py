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
          'Namespace': client.V1Namespace, 'Pod': client.V1Pod, 'Secret': client.V1Secret}

# The plugin's README, "Config parameters" and "Network devices selectors".
RESOURCE = {'resourceName': str, 'resourcePrefix': str, 'deviceType': str, 'excludeTopology': bool,
            'selectors': list, 'additionalInfo': dict}
SELECTORS = {'vendors': list, 'devices': list, 'drivers': list, 'pciAddresses': list,
             'acpiIndexes': list, 'pfNames': list, 'rootDevices': list, 'linkTypes': list,
             'ddpProfiles': list, 'pKeys': list, 'isRdma': bool, 'needVhostNet': bool,
             'vdpaType': str}

DOCUMENTS = [document for path in sorted(FOLDER.glob('*.yaml'))
             for document in yaml.safe_load_all(path.read_text('utf-8'))]


def one(kind):
    """The document of a kind, of which there is one."""
    found = [document for document in DOCUMENTS if document['kind'] == kind]
    assert len(found) == 1
    return found[0]


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
            assert selectors['rootDevices'][0] in pods()[0]['containers'][0]['command']
            # The PF is 10c9.
            assert selectors['devices'] == ['10ca']


def test_one_token():
    """Both pods must mount the same Secret, whole, and name the file in it; the VF's must ask for
    what the plugin offers, by the variable that the plugin sets.

    Steps: Read all documents.
    Verify: That; and what the Secret holds as it stands isn't a token.
    """
    secret = one('Secret')
    (key, text), = secret['stringData'].items()
    assert len(text) != 36
    for spec in pods():
        volumes = {volume['name']: volume for volume in spec['volumes']}
        container = spec['containers'][0]
        mount = next(mount for mount in container['volumeMounts']
                     if volumes[mount['name']].get('secret'))
        assert volumes[mount['name']]['secret']['secretName'] == secret['metadata']['name']
        assert volumes[mount['name']]['secret']['defaultMode'] == 0o400
        assert 'subPath' not in mount
        assert f"file:{mount['mountPath']}/{key}" in ' '.join(container['command'])
    resource = plugin_config()['resourceList'][0]
    container = one('Pod')['spec']['containers'][0]
    name = f"{resource['resourcePrefix']}/{resource['resourceName']}"
    assert container['resources']['limits'][name] == '1'
    variable = 'PCIDEVICE_' + name.upper().replace('.', '_').replace('/', '_')
    assert f'"${variable}"' in container['command'][-1]
    namespaces = {document['metadata']['namespace'] for document in DOCUMENTS
                  if document['kind'] in ('DaemonSet', 'Pod', 'Secret')}
    assert namespaces == {one('Namespace')['metadata']['name']}
