switch (args)
{
    case ["hashing"]:
        Sluice.Bench.Hashing.Run();
        return 0;
    case ["tar"]:
        Sluice.Bench.TarThroughput.Run();
        return 0;
    case ["codecs", var file]:
        Sluice.Bench.Codecs.Run(file);
        return 0;
    default:
        Console.Error.WriteLine("usage: Sluice.Bench hashing|tar|codecs FILE");
        return 2;
}
