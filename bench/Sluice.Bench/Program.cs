switch (args)
{
    case ["hashing"]:
        Sluice.Bench.Hashing.Run();
        return 0;
    case ["tar"]:
        Sluice.Bench.TarThroughput.Run();
        return 0;
    case ["cache-reads"]:
        await Sluice.Bench.CacheReads.RunAsync();
        return 0;
    default:
        Console.Error.WriteLine("usage: Sluice.Bench hashing|tar|cache-reads");
        return 2;
}
