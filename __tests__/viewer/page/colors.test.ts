import { expect, it } from '@jest/globals';
import { hueOf, serviceStyle } from '../../../lib/viewer/page/colors.js';

it('services that are seen together have different colors, and keep them', () => {
  const services = ['web', 'agent', 'orders', 'carrier', 'mail', 'auth'];
  const hues = services.map(hueOf);
  expect(new Set(hues).size).toBe(services.length);
  expect(services.map(hueOf)).toEqual(hues);
  expect(serviceStyle('web')).toEqual({ '--hue': String(hues[0]) });
});

it('there is a color for every service, however many', () => {
  for (let index = 0; index < 100; index++) expect(hueOf(`service ${index}`)).toBeGreaterThan(0);
});
