switch (args)
{
    case ["hashing"]:
        Sluice.Bench.Hashing.Run();
        return 0;
    case ["cache-reads"]:
        await Sluice.Bench.CacheReads.RunAsync();
        return 0;
    default:
        Console.Error.WriteLine("usage: Sluice.Bench hashing|cache-reads");
        return 2;
}
