import { readable } from '../route.ts';

export const eventRoutes = readable('event', (store) => store.events, ['type']);
