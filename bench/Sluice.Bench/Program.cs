if (Sluice.Kernel.Mounts.MountChild.TryRun(args, out int exitCode)) return exitCode;
switch (args)
{
    case ["hashing"]:
        Sluice.Bench.Hashing.Run();
        return 0;
    case ["codecs", string file]:
        Sluice.Bench.Codecs.Run(file);
        return 0;
    case ["bootstrap", string file]:
        Sluice.Bench.Bootstraps.Run(file);
        return 0;
    case ["zfile", string file]:
        Sluice.Bench.ZFileBlocks.Run(file);
        return 0;
    case ["tar"]:
        Sluice.Bench.TarThroughput.Run();
        return 0;
    case ["ext4"]:
        Sluice.Bench.Ext4Apply.Run();
        return 0;
    case ["cache-reads"]:
        await Sluice.Bench.CacheReads.RunAsync();
        return 0;
    case ["trace-overhead"]:
        await Sluice.Bench.TraceOverhead.RunAsync();
        return 0;
    case ["bad-disk"]:
        await Sluice.Bench.BadDisk.RunAsync();
        return 0;
    case ["record-reads", string steps, string target]:
        await Sluice.Bench.ReadRecorder.RunAsync(steps, target);
        return 0;
    case ["hedging"]:
        await Sluice.Bench.Hedging.RunAsync();
        return 0;
    case ["block-reads"]:
        await Sluice.Bench.BlockReads.RunAsync();
        return 0;
    case ["open-blocks", string image, string scratch]: // a process of block-reads
        await Sluice.Bench.BlockReads.OpenAsync(image, scratch);
        return 0;
    case ["fuse"]:
        await Sluice.Bench.FuseRead.RunAsync();
        return 0;
    case ["merged-lookups"]:
        Sluice.Bench.MergedLookups.Run();
        return 0;
    case ["warm-reads", string layout, string scratch]:
        await Sluice.Bench.WarmReads.RunAsync(layout, scratch);
        return 0;
    default:
        Console.Error.WriteLine("usage: Sluice.Bench hashing|codecs FILE|bootstrap FILE|zfile FILE|tar|ext4|cache-reads|trace-overhead|bad-disk|hedging|block-reads|fuse|merged-lookups|warm-reads LAYOUT:TAG DIR|record-reads STEPS FILE");
        return 2;
}
