// What every page needs: the API, the change stream, and who is reading.
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import { may } from './access';
import type { ApiClient } from './api/client';
import type { Me, Permission } from './api/types';
import type { LiveFeed } from './live/feed';

export interface Services {
  api: ApiClient;
  feed: LiveFeed;
  me: Me;
  /** Ends the session; nothing where nobody signs in. */
  signOut: (() => void) | undefined;
}

export const ServicesContext = createContext<Services | undefined>(undefined);

export function useServices(): Services {
  const services = useContext(ServicesContext);
  if (services === undefined) throw new Error('a page stands outside of the app');
  return services;
}

/** Tells whether the reader may do something. */
export function useMay(permission: Permission): boolean {
  return may(useServices().me, permission);
}
