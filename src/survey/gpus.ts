/** The GPUs and drivers of this machine, as its own tools and files tell of them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { ask } from './ask';

export interface GpuSurvey {
  /** What nvidia-smi lists, or why it lists nothing. */
  readonly nvidia: readonly NvidiaGpu[] | { readonly problem: string };
  /** Device files of GPUs, on Linux. */
  readonly devices: readonly string[];
  /** Vulkan's drivers, by the files that announce them. */
  readonly vulkan: readonly VulkanDriver[];
}

export interface NvidiaGpu {
  readonly name: string;
  readonly driver: string;
  readonly memory: string;
}

export interface VulkanDriver {
  readonly file: string;
  readonly library?: string;
  readonly apiVersion?: string;
  /** Why the file announces nothing. */
  readonly problem?: string;
}

/** Never rejects. */
export async function surveyGpus(env: NodeJS.ProcessEnv, timeoutMs: number): Promise<GpuSurvey> {
  return { nvidia: await nvidiaGpus(timeoutMs), devices: deviceFiles(), vulkan: vulkanDrivers(env) };
}

async function nvidiaGpus(timeoutMs: number): Promise<GpuSurvey['nvidia']> {
  const answer = await ask(
    'nvidia-smi',
    ['--query-gpu=name,driver_version,memory.total', '--format=csv,noheader'],
    timeoutMs,
  );
  if ('problem' in answer) return answer;
  const lines = answer.stdout.split('\n').filter((line) => line.trim() !== '');
  return lines.map((line) => {
    const [name = '', driver = '', memory = ''] = line.split(',').map((word) => word.trim());
    return { name, driver, memory };
  });
}

function deviceFiles(): readonly string[] {
  const single = ['/dev/nvidiactl', '/dev/dxg', '/dev/kfd'].filter((file) => existsSync(file));
  return [...single, ...entries('/dev/dri').filter((file) => file.includes('renderD'))];
}

/** Where Vulkan's loader looks: the files that the environment names, or all of its folders. */
function vulkanDrivers(env: NodeJS.ProcessEnv): readonly VulkanDriver[] {
  const named = env.VK_DRIVER_FILES ?? env.VK_ICD_FILENAMES;
  if (named !== undefined && named !== '') return named.split(delimiter).map(vulkanDriver);
  if (process.platform !== 'linux') return [];
  const data = (env.XDG_DATA_DIRS ?? '/usr/local/share:/usr/share').split(delimiter);
  const roots = ['/etc', ...data, env.XDG_DATA_HOME ?? join(homedir(), '.local', 'share')];
  return roots
    .flatMap((root) => entries(join(root, 'vulkan', 'icd.d')))
    .filter((file) => file.endsWith('.json'))
    .map(vulkanDriver);
}

function vulkanDriver(file: string): VulkanDriver {
  try {
    const { ICD } = JSON.parse(readFileSync(file, 'utf8')) as { ICD?: { library_path?: string; api_version?: string } };
    if (ICD?.library_path === undefined) return { file, problem: 'it names no library' };
    return { file, library: ICD.library_path, ...(ICD.api_version !== undefined && { apiVersion: ICD.api_version }) };
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    return { file, problem: isMissing ? 'there is no such file' : 'it is no JSON that can be read' };
  }
}

function entries(folder: string): readonly string[] {
  try {
    return readdirSync(folder).map((name) => join(folder, name));
  } catch {
    return [];
  }
}
