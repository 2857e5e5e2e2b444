import { byId, el } from './dom.ts';

/** Devices to begin with. Any other name below `localhost` is a device, too. */
const DEVICES = ['alice-phone', 'bob-phone', 'bob-tablet', 'carol-phone', 'dave-phone'];

byId('doors').replaceChildren(
  ...DEVICES.map((device) => {
    const port = location.port === '' ? '' : `:${location.port}`;
    return el(
      'li',
      {},
      el('a', { href: `http://${device}.localhost${port}/`, target: '_blank' }, device.replace('-', '’s ')),
    );
  }),
);
