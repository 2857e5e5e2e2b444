/**
 * What a device does with the package `glasskey-client`, the same in every runtime. `where` names a server, its
 * fingerprint, a token, a name, a liar (a proxy of the server that damages its lookups), and a server that redirects
 * every request. Returns the steps done.
 */
export async function runScenario(client, where, state) {
  const { KeyDirectory, MemoryState, generateKey, importKey, isGlasskeyError } = client;
  const { server, fingerprint, token, liar, redirecting, name } = where;
  const steps = [];
  const assert = (condition, step) => {
    if (!condition) throw new Error(`failed: ${step}`);
    steps.push(step);
  };
  const directory = await KeyDirectory.open({ server, fingerprint, state });
  assert(directory.trustOrigin === 'given', 'open by fingerprint');

  const key = await generateKey({ type: 'ed25519', companions: ['x25519'] });
  const phone = await generateKey();
  const registered = await directory.register(name, { token, key: await importKey(await key.exportPem()) });
  assert(registered.binding.version === 0, 'register');
  const contact = await KeyDirectory.open({ server, fingerprint, state: new MemoryState() });
  const found = await contact.lookup(name);
  assert(found.found && found.binding.certificates.length === 1, 'lookup');
  assert(JSON.parse(JSON.stringify(found)).binding.certificates[0].serial.length > 0, 'JSON of a result');
  assert(!(await contact.lookup(`nobody-${name}`)).found, 'absent lookup');

  await directory.register(name, { credentials: key, key: phone });
  await directory.rotate(name, key, await generateKey({ replaces: key }));
  const after = await contact.lookup(name);
  assert(after.found && after.binding.version === 2 && after.binding.change.type === 'key', 'rotate');
  const monitored = await directory.monitor();
  assert(monitored.length === 1 && monitored[0].alerts.length === 0, 'monitor');

  const deceived = await KeyDirectory.open({ server: liar, fingerprint, state: new MemoryState() });
  const code = await deceived.lookup(name).then(
    () => 'none',
    (error) => (isGlasskeyError(error) && ['verification', 'decode'].includes(error.fault) ? 'refused' : String(error)),
  );
  assert(code === 'refused', 'a lying answer is refused');
  const redirected = await KeyDirectory.open({ server: redirecting, fingerprint, state: new MemoryState() }).then(
    () => 'followed',
    (error) => (isGlasskeyError(error) ? error.code : String(error)),
  );
  assert(redirected === 'bad-response', 'a redirect is refused');
  return steps;
}
